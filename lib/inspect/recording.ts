import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { readFile } from '../fs.js';
import type { Request, ResponseLike } from '../http.js';
import { runningServers } from '../http/server.js';
import { mkdtempSync, rmSync } from '../internal/originals.js';
import { recordServers } from '../simulate/record.js';
import { SECURITY } from './assets.js';
import type { RecordingState } from './wire.js';

/** The recording of this thread that the inspector has begun. */
let underWay: { directory: string; file: string; stop: () => void } | undefined;

const text = (status: number, body: string): ResponseLike => ({
  status, headers: { ...SECURITY, 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' }, body: `${body}\n`,
});

export function recordingState(allowed: boolean): RecordingState {
  return { allowed, recording: underWay !== undefined };
}

/**
 * `POST /recording?do=start`, and `do=stop`, which answers with the file. @throws as `record`, for a start while something is recorded
 */
export function recording(request: Request): ResponseLike {
  if (request.method !== 'POST') return text(405, 'POST /recording?do=start or ?do=stop');
  switch (request.query.get('do')) {
    case 'start': return start();
    case 'stop': return underWay ? stop(underWay) : text(409, 'nothing is being recorded');
    default: return text(400, 'do=start or do=stop');
  }
}

function start(): ResponseLike {
  const servers = runningServers();
  if (servers.length === 0) return text(409, 'there is no server of stackful/http whose requests could be recorded');
  const directory = mkdtempSync(join(tmpdir(), 'stackful-recording-'));
  const file = join(directory, 'trace');
  try {
    underWay = { directory, file, stop: recordServers(file, servers) };
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    return text(409, String(error));
  }
  return text(200, 'recording');
}

/** Parks. */
function stop({ directory, file, stop: end }: NonNullable<typeof underWay>): ResponseLike {
  underWay = undefined;
  end();
  try {
    const body = readFile(file);
    const name = `stackful-${String(process.pid)}.trace`;
    return {
      headers: {
        ...SECURITY, 'Content-Type': 'application/octet-stream', 'Cache-Control': 'no-store',
        'Content-Disposition': `attachment; filename="${name}"`,
      },
      body,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Ends what is being recorded, and deletes it. */
export function dropRecording(): void {
  if (!underWay) return;
  const { directory, stop: end } = underWay;
  underWay = undefined;
  end();
  rmSync(directory, { recursive: true, force: true });
}
