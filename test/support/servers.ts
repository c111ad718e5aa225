import type net from "node:net";

/** Servers on loopback, each on a port of its own, with the connections that they hold. */
export interface Servers {
  /** Starts a server on 127.0.0.1 (or `address`) and gives its port. */
  listen(server: net.Server, address?: string): Promise<number>;
  /** Ends every server and every connection. */
  close(): Promise<void>;
}

export const createServers = (): Servers => {
  const open = new Map<net.Server, Set<net.Socket>>();
  return {
    listen: (server, address = "127.0.0.1") => {
      const sockets = new Set<net.Socket>();
      open.set(server, sockets);
      server.on("connection", (socket: net.Socket) => {
        sockets.add(socket);
        // A client that goes away in the middle is what many tests are about.
        socket.on("error", () => {});
        socket.on("close", () => sockets.delete(socket));
      });
      server.on("tlsClientError", () => {});
      return new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(0, address, () => resolve((server.address() as net.AddressInfo).port));
      });
    },
    close: async () => {
      await Promise.all(
        [...open].map(
          ([server, sockets]) =>
            new Promise<void>((resolve) => {
              server.close(() => resolve());
              for (const socket of sockets) socket.destroy();
            }),
        ),
      );
      open.clear();
    },
  };
};

/** A port of loopback where nothing listens. */
export const closedPort = async (servers: Servers, server: net.Server): Promise<number> => {
  const port = await servers.listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
};
