/** Chromium without a window, for tests of what a person sees. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

/** Whether there is one; says so if not. */
export const hasBrowser = existsSync(CHROMIUM);
if (!hasBrowser) console.log(`tests in a browser are left out: there is no ${CHROMIUM}`);

export interface Browser {
  context: BrowserContext;
  page: Page;
  /** Errors of pages, and requests to other hosts than this machine. */
  complaints: string[];
  close(): Promise<void>;
}

/** `anyCertificate`: also those of authorities that it does not know. */
export async function openBrowser(options: { width?: number; dark?: boolean; hosts?: string; anyCertificate?: boolean } = {}): Promise<Browser> {
  const directory = mkdtempSync(join(tmpdir(), 'stackful-browser-'));
  const context = await chromium.launchPersistentContext(directory, {
    executablePath: CHROMIUM,
    headless: true,
    args: options.hosts ? [...FLAGS, `--host-resolver-rules=${options.hosts}`] : FLAGS,
    viewport: { width: options.width ?? 1280, height: 860 },
    colorScheme: options.dark ? 'dark' : 'light',
    acceptDownloads: true,
    ignoreHTTPSErrors: options.anyCertificate ?? false,
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith('http') && hostname !== '127.0.0.1') complaints.push(`a request to ${hostname}`);
  });
  return {
    context, page, complaints,
    async close() {
      await context.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
