import { admitRequest, endUnit } from '../schedule/admission.js';
import { TEXT_LINE } from './fields.js';
import { PreparedResponse } from './response.js';

export { admitRequest, endUnit };

/** A request that was let in. */
export type Unit = NonNullable<ReturnType<typeof admitRequest>>;

/** Answers a request that was held for too long. It is returned and not thrown: under overload there are many of them. */
export const REFUSED = new PreparedResponse(503, `${TEXT_LINE}Retry-After: 1\r\n`, '503 Service Unavailable\n');
