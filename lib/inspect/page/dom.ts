/** Making elements. Text is always text: nothing here parses HTML. */

type Child = Node | string | undefined;
type Attributes = Readonly<Record<string, string | number | boolean | ((event: Event) => void) | undefined>>;

const SVG = 'http://www.w3.org/2000/svg';

function fill(element: Element, attributes: Attributes, children: readonly Child[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== undefined));
}

export function h<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  fill(element, attributes, children);
  return element;
}

export function svg<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, name);
  fill(element, attributes, children);
  return element;
}

export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element as E;
}

/** A table whose first row is `heads`; those that begin with `#` are numbers. */
export function table(
  label: string,
  heads: readonly string[],
  rows: readonly (readonly Child[])[],
  rowClass?: (i: number) => string,
): HTMLTableElement {
  const numeric = heads.map((head) => head.startsWith('#'));
  const cell = (text: Child, i: number) => h('td', { class: numeric[i] && 'number' }, text);
  return h('table', { 'aria-label': label },
    h('thead', {}, h('tr', {}, ...heads.map((head, i) => h('th', { scope: 'col', class: numeric[i] && 'number' }, head.replace('#', ''))))),
    h('tbody', {}, ...rows.map((row, i) => h('tr', { class: rowClass?.(i) || undefined }, ...row.map(cell)))),
  );
}
