import net from "node:net";

interface Login {
  readonly user: string;
  readonly password: string;
}

/** What a test's proxy does with a connection, ready for `net.createServer` or `tls.createServer`, and what it was asked. */
export interface TestProxy {
  readonly handler: (socket: net.Socket) => void;
  /** Of an HTTP proxy the header blocks, of a SOCKS5 proxy the targets, as they came. */
  readonly asked: string[];
}

/** Joins two sockets; the end of either is the other's. */
const join = (one: net.Socket, other: net.Socket): void => {
  one.pipe(other).pipe(one);
  one.on("close", () => other.destroy());
  other.on("close", () => one.destroy());
};

/** Names are the proxy's to resolve: all of them are on loopback here. */
const connectTo = (host: string, port: number): net.Socket => {
  const upstream = net.connect(port, net.isIP(host) === 0 ? "127.0.0.1" : host);
  upstream.on("error", () => {});
  return upstream;
};

/** An HTTP proxy: tunnels for CONNECT, and passes requests with an absolute URI on; one request a connection. */
export const httpProxy = (login?: Login): TestProxy => {
  const asked: string[] = [];
  const wanted = login && `Basic ${Buffer.from(`${login.user}:${login.password}`).toString("base64")}`;
  const serve = (socket: net.Socket, head: string, rest: Buffer): void => {
    asked.push(head);
    const given = /^proxy-authorization: (.*)\r$/im.exec(head)?.[1];
    if (given !== wanted) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="lab"\r\n\r\n');
      return;
    }
    const [method = "", target = ""] = head.split(" ");
    const url = new URL(method === "CONNECT" ? `http://${target}` : target);
    const upstream = connectTo(url.hostname.replace(/[[\]]/g, ""), Number(url.port) || 80);
    upstream.once("error", () => socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n"));
    upstream.once("connect", () => {
      if (method === "CONNECT") socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      else {
        const own = head.replace(/^proxy-.*\r\n/gim, "").replace(url.origin, "");
        upstream.write(`${own}`);
      }
      upstream.write(rest);
      join(socket, upstream);
    });
  };
  return {
    asked,
    handler: (socket) => {
      let bytes = Buffer.alloc(0);
      const hear = (chunk: Buffer): void => {
        bytes = Buffer.concat([bytes, chunk]);
        const end = bytes.indexOf("\r\n\r\n");
        if (end === -1) return;
        socket.off("data", hear).pause();
        serve(socket, bytes.toString("latin1", 0, end + 4), bytes.subarray(end + 4));
      };
      socket.on("data", hear);
    },
  };
};

/** A SOCKS5 proxy; with a login it takes no client without one. */
export const socksProxy = (login?: Login): TestProxy => {
  const asked: string[] = [];
  const serve = async (socket: net.Socket): Promise<void> => {
    const read = async (length: number): Promise<Buffer> => {
      for (;;) {
        const chunk: Buffer | null = socket.read(length);
        if (chunk !== null) return chunk;
        await new Promise((resolve) => socket.once("readable", resolve));
      }
    };
    const string = async (): Promise<string> => (await read((await read(1))[0] ?? 0)).toString();
    const [, count = 0] = await read(2);
    const method = login ? 2 : 0;
    const offered = await read(count);
    socket.write(Buffer.from([5, offered.includes(method) ? method : 255]));
    if (!offered.includes(method)) return;
    if (login) {
      await read(1);
      const right = (await string()) === login.user && (await string()) === login.password;
      socket.write(Buffer.from([1, right ? 0 : 1]));
      if (!right) return;
    }
    const [, , , type] = await read(4);
    const host =
      type === 3
        ? await string()
        : type === 1
          ? (await read(4)).join(".")
          : ((await read(16)).toString("hex").match(/.{4}/g) ?? []).join(":");
    const port = (await read(2)).readUInt16BE();
    asked.push(`${type} ${host} ${port}`);
    const upstream = connectTo(host, port);
    upstream.once("error", () => socket.write(Buffer.from([5, 5, 0, 1, 0, 0, 0, 0, 0, 0])));
    upstream.once("connect", () => {
      socket.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 1]));
      join(socket, upstream);
    });
  };
  return {
    asked,
    handler: (socket) => {
      // A client that goes away in the middle leaves it waiting; so be it.
      void serve(socket);
    },
  };
};
