import { byId } from './dom.js';

const KEY = 'stackful.inspect.theme';
const THEMES = ['auto', 'light', 'dark'] as const;

/** Makes the button go round the themes; `changed` is called after each change, also of the system's. */
export function startTheme(changed: () => void): void {
  const button = byId<HTMLButtonElement>('theme');
  let theme = stored();
  const apply = () => {
    if (theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = theme[0]!.toUpperCase() + theme.slice(1);
    button.setAttribute('aria-label', `colours: ${theme}`);
  };
  button.addEventListener('click', () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // A browser that keeps nothing: the choice lasts as long as the page.
    }
    apply();
    changed();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
  apply();
}

function stored(): (typeof THEMES)[number] {
  try {
    const value = localStorage.getItem(KEY);
    return THEMES.find((theme) => theme === value) ?? 'auto';
  } catch {
    return 'auto';
  }
}

/** A colour of the style sheet, for what cannot use it by name. */
export function colour(name: string): string {
  // The custom property is a pair of colours; only a used value is one of them.
  const probe = document.createElement('i');
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
