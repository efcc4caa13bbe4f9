import { markAsUntransferable } from 'node:worker_threads';

import { native } from './native.js';

// Small Buffers share their memory; see native/binding/buffers.h.
(native as unknown as { shareBuffers: (mark: (object: object) => void) => void }).shareBuffers(markAsUntransferable);
