import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ServerStats } from 'stackful/http';
import { showStatistics, statisticsLine } from '../../lib/cli/statistics.js';

const NONE: ServerStats = { connections: 0, accepted: 0, requests: 0, shed: 0, bytesReceived: 0, bytesSent: 0 };

describe('statistics', () => {
  beforeEach(() => { vi.useFakeTimers(); });
  afterEach(() => { vi.useRealTimers(); });

  it('say what was refused, if anything was', () => {
    expect(statisticsLine(NONE, { ...NONE, requests: 500, shed: 100 }, 2)).toMatch(/^0 connections, 250 requests\/s \(50 refused\), /);
  });

  it('say what has happened between two looks', () => {
    const now = { connections: 3, accepted: 9, requests: 2500, shed: 0, bytesReceived: 1_000_000, bytesSent: 25_000_000_000 };
    expect(statisticsLine({ ...NONE, requests: 500 }, now, 2)).toBe(
      '3 connections, 1000 requests/s, 13 GB/s out, 500 kB/s in, 2500 requests so far',
    );
  });

  it('are one line on a terminal, rewritten and not too long', () => {
    const server = { stats: NONE };
    let text = '';
    const shown = showStatistics(server, { isTTY: true, columns: 30, write: (part) => (text += part) });
    vi.advanceTimersByTime(2500);
    expect(text.match(/\r0 connections/g)).toHaveLength(2);
    expect(text).not.toContain('\n');
    expect(text.split('\r')[1]!.replace('\x1b[K', '').length).toBe(29);
    shown.stop();
    vi.advanceTimersByTime(5000);
    expect(text.match(/\r/g)).toHaveLength(2);
    expect(text.endsWith('\n')).toBe(true);
  });

  it('are a line now and then elsewhere, and only when something happened', () => {
    const server = { stats: NONE };
    const lines: string[] = [];
    const shown = showStatistics(server, { write: (line) => lines.push(line) });
    vi.advanceTimersByTime(25_000);
    expect(lines).toEqual([]);
    server.stats = { ...NONE, requests: 100 };
    vi.advanceTimersByTime(25_000);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/100 requests so far\n$/);
    shown.stop();
  });
});
