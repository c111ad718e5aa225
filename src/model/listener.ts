import type { Listener } from "./observation.ts";
import { bracketed } from "./url.ts";

/** What else is known of a listener than the socket table says. */
export interface ListenerNames {
  /** The unit that has process 1 hold the port for it. */
  readonly unit?: string;
  /** Of a container that publishes the port: its name. */
  readonly container?: string;
}

/** Of a port that Docker publishes its own helper is the process, and the container behind it the one to speak of. */
const containerOf = ({ elsewhere, container }: NonNullable<Listener["owner"]>, name: string | undefined): string => {
  if (container?.includes(":")) return `, for the container ${name === undefined ? "" : `${name} `}at ${container}`;
  if (!elsewhere) return "";
  return container === undefined ? ", in a container" : `, in container ${container}`;
};

/** Who has a port, and where: `java (pid 4711, tomcat10.service) on [::]:8080`. */
export const describeListener = ({ address, port, owner }: Listener, names: ListenerNames = {}): string => {
  const at = `${bracketed(address)}:${port}`;
  if (owner === undefined) return `a process that this user may not see on ${at}`;
  const unit = owner.unit ?? names.unit;
  return `${owner.name} (pid ${owner.pid}${unit === undefined ? "" : `, ${unit}`}${containerOf(owner, names.container)}) on ${at}`;
};
