import { byNode, type Done } from '../fs/by_node.js';

/**
 * Makes a call by the callback form of a function of Node's, which checks the arguments in the same words. Parks.
 *
 * @param name the call, as errors and `parkedOn` name it
 * @param count how many arguments the sync form takes: the callback comes behind them
 */
export function byCallback(
  name: string, subject: unknown, call: (...args: never[]) => void, args: readonly unknown[], count: number, changes = false,
): unknown {
  const given = args.slice(0, count);
  while (given.length < count) given.push(undefined);
  return byNode(name, subject, (done: Done<unknown>) => { (call as (...all: unknown[]) => void)(...given, done); }, { changes });
}
