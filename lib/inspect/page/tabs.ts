import { byId, h } from './dom.js';

export interface Tab {
  id: string;
  title: string;
  /** Fills the empty view. */
  open(into: HTMLElement): void;
  /** After each update while it is open. */
  update?(into: HTMLElement): void;
  close?(): void;
}

/** The views, one of which is shown; its name is the address's fragment. Arrow keys go from tab to tab. */
export class Tabs {
  private tabs: Tab[] = [];
  private current: Tab | undefined;
  private readonly view = byId('view');

  constructor() {
    byId('tabs').addEventListener('keydown', ({ key }) => {
      const step = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0;
      if (step === 0 || !this.current) return;
      const { length } = this.tabs;
      this.select(this.tabs[(this.tabs.indexOf(this.current) + step + length) % length]!.id);
      byId(`tab-${this.current.id}`).focus();
    });
    addEventListener('hashchange', () => { this.select(location.hash.slice(1)); });
  }

  add(tab: Tab): void {
    this.tabs.push(tab);
    byId('tabs').append(h('button', {
      type: 'button', role: 'tab', id: `tab-${tab.id}`, 'aria-controls': 'view', 'aria-selected': 'false', tabindex: -1,
      click: () => { this.select(tab.id); },
    }, tab.title));
    if (location.hash.slice(1) === tab.id || (this.tabs.length === 1 && !location.hash)) this.select(tab.id);
  }

  has(id: string): boolean {
    return this.tabs.some((tab) => tab.id === id);
  }

  select(id: string): void {
    const next = this.tabs.find((tab) => tab.id === id);
    if (!next || next === this.current) return;
    this.current?.close?.();
    this.current = next;
    history.replaceState(null, '', `#${id}`);
    for (const { id: each } of this.tabs) {
      const button = byId(`tab-${each}`);
      button.setAttribute('aria-selected', String(each === id));
      button.tabIndex = each === id ? 0 : -1;
    }
    this.view.setAttribute('aria-labelledby', `tab-${id}`);
    this.reopen();
  }

  /** Draws what is open from scratch. */
  reopen(): void {
    this.view.replaceChildren();
    this.current?.open(this.view);
  }

  update(): void {
    this.current?.update?.(this.view);
  }
}
