/**
 * Makes the stack of a future's error show where the future was waited for, too: those frames first, a dashed line, and then those of
 * the error. It is put together when somebody reads it. An error whose stack is a plain value keeps that one.
 */
export function linkStack(error: unknown): void {
  if (typeof error !== 'object' || error === null) return;
  const here: { stack?: string } = {};
  Error.captureStackTrace(here, linkStack);
  let original = Object.getOwnPropertyDescriptor(error, 'futureStack');
  if (!original) {
    original = Object.getOwnPropertyDescriptor(error, 'stack');
    if (original && Object.isExtensible(error)) Object.defineProperty(error, 'futureStack', original);
  }
  // It is an accessor from Node 22 on, and a plain value on 20.
  if (!original?.get || !Object.getOwnPropertyDescriptor(error, 'stack')?.configurable) return;
  Object.defineProperty(error, 'stack', {
    get: () => {
      const own = original.get!.call(error) as string | undefined;
      if (!own) return here.stack;
      const [first, ...frames] = own.split('\n');
      return [first, ...here.stack!.split('\n').slice(1), '    - - - - -', ...frames].join('\n');
    },
    set: (value: unknown) => {
      Object.defineProperty(error, 'stack', { value, configurable: true, enumerable: false, writable: true });
    },
    configurable: true,
    enumerable: false,
  });
}
