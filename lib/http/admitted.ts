import { admitRequest, endUnit } from '../schedule/admission.js';
import { AdmissionRefusedError } from '../schedule/errors.js';
import { HttpError } from './errors.js';

export { endUnit };

/** A request that was let in. */
export type Unit = NonNullable<ReturnType<typeof admitRequest>>;

const RETRY = { 'Retry-After': '1' };

/** Begins a request as a unit of work. Parks. @throws HttpError (503) when it was held for too long */
export function beginRequest(route?: string): Unit | undefined {
  try {
    return admitRequest(route);
  } catch (error) {
    if (!(error instanceof AdmissionRefusedError)) throw error;
    throw new HttpError(503, undefined, { cause: error, code: error.code, headers: RETRY });
  }
}
