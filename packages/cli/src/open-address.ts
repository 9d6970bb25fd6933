/** The door is shut by default: these processes run code that others send them. */
import { FanfoldError } from "@fanfold/job";

const loopback = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|localhost)$/;

/** @throws `USAGE` for an address that other machines can reach. */
export function refuseOpenAddress(host: string): void {
  if (loopback.test(host)) return;
  const message =
    `${host} can be reached from other machines, and whoever reaches it can run code here. ` +
    "Only loopback addresses are served, since links are not encrypted yet.";
  throw new FanfoldError("USAGE", message);
}
