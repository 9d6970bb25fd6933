/** Fails on one bad line, as jobs do. */
import { defineJob, type Emit, sum, textLines, tsv } from "fanfold";

interface Order {
  readonly customer: string;
  readonly total: number;
}

function parseOrder(line: string): Order {
  return JSON.parse(line) as Order;
}

export default defineJob({
  name: "orders-by-customer",
  input: textLines(),
  map(line, emit: Emit<string, number>, context) {
    const { customer, total } = parseOrder(line);
    if (total > 990) context.log.info("a large order", { customer, total });
    emit(customer, total);
  },
  combine: sum(),
  reduce: sum(),
  output: tsv(),
});
