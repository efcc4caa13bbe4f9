import { request } from 'node:http';

/** Asks a server of this process from the main stack, and gives `200 text`. */
export function ask(port: number, path: string, { method = 'GET', body = '', headers = {} }: { method?: string; body?: string; headers?: Record<string, string> } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part)).on('end', () => { resolve(`${answer.statusCode} ${text}`); });
    });
    asked.on('error', reject).end(body);
  });
}
