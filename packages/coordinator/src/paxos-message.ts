/** Messages of Paxos as bytes: plain msgpack, and nothing reaches the replica that has not the shape of a message. */
import { FanfoldError } from "@fanfold/job";
import { type Message, messageShape } from "@fanfold/paxos";
import { decodePlain, encodePlain, isCommand } from "@fanfold/protocol";
import { JobTable, type TableSnapshot } from "@fanfold/scheduler";

/** The job table's commands and snapshots are bytes; applying a command has no result. */
const isMessage = messageShape({
  isCommand,
  isResult: (value) => value === null,
  isState: (value) => value instanceof Uint8Array && isTable(value),
});

export function encodeMessage(message: Message): Uint8Array {
  return encodePlain(message);
}

/** @throws `MESSAGE_INVALID` */
export function decodeMessage(bytes: Uint8Array): Message {
  let message: unknown;
  try {
    message = decodePlain(bytes);
  } catch (cause) {
    throw new FanfoldError("MESSAGE_INVALID", "a message of Paxos is not msgpack", { cause });
  }
  if (isMessage(message)) return message;
  throw new FanfoldError("MESSAGE_INVALID", "a message of Paxos is malformed");
}

/** Whether a job table can be restored from it. Snapshots are seldom sent, so they may as well be tried. */
function isTable(bytes: Uint8Array): boolean {
  try {
    JobTable.fromSnapshot(decodePlain(bytes) as TableSnapshot).checksum();
    return true;
  } catch {
    return false;
  }
}
