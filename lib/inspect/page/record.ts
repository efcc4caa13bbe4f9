import { byId, h } from './dom.js';
import type { RecordingState } from '../wire.js';

/** Makes the button record a trace, and give it to the browser to keep. */
export function startRecordButton(about: (path: string, query: Readonly<Record<string, string>>) => string): void {
  const button = byId<HTMLButtonElement>('record');
  button.addEventListener('click', () => {
    const { value } = byId<HTMLSelectElement>('seconds');
    button.disabled = true;
    button.textContent = 'Recording …';
    void fetch(about('trace.json', { seconds: value }))
      .then(async (response) => {
        if (!response.ok) throw new Error(await response.text());
        save(await response.blob(), `stackful-trace-${new Date().toISOString().replace(/[:.]/g, '-')}.json`);
        button.title = 'Open the file at ui.perfetto.dev';
      })
      .catch((error: unknown) => { button.title = String(error); })
      .finally(() => {
        button.disabled = false;
        button.textContent = 'Record';
      });
  });
}

/** Makes the button record what servers are asked until it is pressed again, and give that to the browser; where that is allowed. */
export async function startRequestsButton(about: (path: string, query?: Readonly<Record<string, string>>) => string): Promise<void> {
  const button = byId<HTMLButtonElement>('requests');
  const show = (recording: boolean) => {
    button.setAttribute('aria-pressed', String(recording));
    button.textContent = recording ? 'Stop and save' : 'Record requests';
  };
  const response = await fetch(about('recording.json')).catch(() => undefined);
  const { allowed, recording } = response?.ok ? ((await response.json()) as RecordingState) : { allowed: false, recording: false };
  button.hidden = !allowed;
  show(recording);
  button.addEventListener('click', () => {
    const stops = button.getAttribute('aria-pressed') === 'true';
    button.disabled = true;
    void fetch(about('recording', { do: stops ? 'stop' : 'start' }), { method: 'POST' })
      .then(async (answer) => {
        if (!answer.ok) throw new Error(await answer.text());
        if (stops) save(await answer.blob(), `stackful-requests-${new Date().toISOString().replace(/[:.]/g, '-')}.trace`);
        button.title = stops ? `simulate({ replay: 'FILE' }, fn) runs the requests again` : 'Connections that come from now on are recorded';
        show(!stops);
      })
      .catch((error: unknown) => { button.title = String(error); })
      .finally(() => { button.disabled = false; });
  });
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  h('a', { href: url, download: name }).click();
  // The browser takes it in its own time.
  setTimeout(() => { URL.revokeObjectURL(url); }, 60_000);
}
