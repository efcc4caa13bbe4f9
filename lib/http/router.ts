import FindMyWay from 'find-my-way';

import { functionOf, integerIn, invalidType, invalidValue } from '../internal/arguments.js';
import { admitting } from '../schedule/admission.js';
import { nameJob, namesJobs } from '../schedule/policy_in_force.js';
import { REFUSED } from './admitted.js';
import type { Handler } from './exchange.js';
import { refuseUnknown } from './known.js';
import { METHODS } from './native.js';
import type { Request } from './request.js';

/** The options of {@link router}. */
export interface RouterOptions {
  /** Whether `/Users` and `/users` are two paths. Default true. */
  caseSensitive?: boolean;
  /** Whether `/users/` also finds `/users`, and the other way. Default false. */
  ignoreTrailingSlash?: boolean;
  /** The most characters of a parameter, decoded; a longer one finds no route. Default 500. */
  maxParamLength?: number;
  /** Answers requests for paths that have no route. Default: a 404. */
  notFound?: Handler;
}

type Cut<Text extends string, End extends string> = Text extends `${infer Start}${End}${string}` ? Start : Text;
type NameIn<Text extends string> = Cut<Cut<Cut<Cut<Cut<Text, '/'>, '('>, '-'>, '.'>, '?'>;
type Named<Path extends string> = Path extends `${string}:${infer Rest}` ? NameIn<Rest> | Named<Rest> : never;
type Rest<Path extends string> = Path extends `${string}*` ? '*' : never;

/**
 * The parameters that a path names: of `/users/:id/*`, `{ id: string; '*': string }`. Where the path is not known to the compiler,
 * any.
 */
export type ParamsOf<Path extends string> = string extends Path
  ? Readonly<Record<string, string>>
  : { readonly [Name in Named<Path> | Rest<Path>]: string };

/** A request with the parameters of the route that was found for it. */
export type RoutedRequest<Path extends string> = Request & { readonly params: ParamsOf<Path> };

/** Answers the requests of one route. */
export type RouteHandler<Path extends string> = (request: RoutedRequest<Path>) => ReturnType<Handler>;

/** A handler that is chosen by method and path; see {@link router}. */
export interface Router {
  /** Answers a request by the handler of its route. */
  (request: Request): ReturnType<Handler>;
  /** Adds a route for `GET`, which also answers `HEAD`. */
  get<Path extends string>(path: Path, handler: RouteHandler<Path>): this;
  /** Adds a route for `POST`. */
  post<Path extends string>(path: Path, handler: RouteHandler<Path>): this;
  /** Adds a route for `PUT`. */
  put<Path extends string>(path: Path, handler: RouteHandler<Path>): this;
  /** Adds a route for `PATCH`. */
  patch<Path extends string>(path: Path, handler: RouteHandler<Path>): this;
  /** Adds a route for `DELETE`. */
  delete<Path extends string>(path: Path, handler: RouteHandler<Path>): this;
  /** Adds a route for other methods, or for several. */
  on<Path extends string>(methods: string | readonly string[], path: Path, handler: RouteHandler<Path>): this;
  /**
   * Gives every request at and below `path`, of any method, to another handler, often a router: it sees paths without that part,
   * which is in `request.base`, and the parameters of both.
   */
  mount(path: string, handler: Handler): this;
}

/** The methods that a mounted handler gets. */
const EVERY_METHOD = METHODS.filter((name) => name !== '' && name !== 'CONNECT');
const KNOWN = ['caseSensitive', 'ignoreTrailingSlash', 'maxParamLength', 'notFound'] as const satisfies (keyof RouterOptions)[];
const LONGEST_PARAM = 500;
const NO_QUERY = Object.freeze({});
/** What `encodeURIComponent` would change in a segment, except what no router takes apart. */
const TO_ENCODE = /[^\w\-.~!$&'()*+,=:@/]/;
const ESCAPED_SLASH = /%2f/i;
const NOT_NORMAL = /\/(?:\.{0,2}(?:\/|$))/;

type Finder = FindMyWay.Instance<FindMyWay.HTTPVersion.V1>;
/** What a route keeps besides its handler; `segments` are those that a mounted handler does not see, 0 for other handlers. */
interface Store {
  readonly route: string;
  readonly segments: number;
  /** What admission calls it. */
  readonly edge: string;
}
type Found = { handler: unknown; params: Record<string, string>; store: Store };

/**
 * The path in which routes are looked for: normalized, as `request.path`, but encoded. A path with an escaped slash, which has no
 * decoded form, can be a parameter, if nothing in it would have to be normalized.
 */
function routedPath(request: Request): string {
  const { target } = request;
  const raw = target.split('?', 1)[0]!;
  if (ESCAPED_SLASH.test(raw) && !NOT_NORMAL.test(raw.slice(0, -1)) && raw.startsWith('/')) return raw.slice(request.base.length);
  const { path } = request;
  return TO_ENCODE.test(path) ? path.split('/').map(encodeURIComponent).join('/') : path;
}

/** Their requests are admitted by the routes within. */
const routers = new WeakSet<Handler>();

class Routes {
  private readonly finder: Finder;
  private readonly methods = new Set<string>();
  private readonly notFound: Handler | undefined;

  constructor(options: RouterOptions) {
    if (typeof options !== 'object' || (options as unknown) === null) throw invalidType('options', 'an object', options);
    refuseUnknown('options', options, KNOWN);
    const { caseSensitive = true, ignoreTrailingSlash = false, maxParamLength = LONGEST_PARAM, notFound } = options;
    integerIn('options.maxParamLength', maxParamLength, 1, 2 ** 31 - 1);
    if (notFound !== undefined) this.notFound = functionOf('options.notFound', notFound);
    this.finder = FindMyWay({ caseSensitive, ignoreTrailingSlash, maxParamLength, querystringParser: () => NO_QUERY });
  }

  add(methods: string | readonly string[], path: string, handler: Handler, segments = 0): void {
    functionOf('handler', handler);
    if (typeof path !== 'string') throw invalidType('path', 'a string', path);
    if (!path.startsWith('/')) throw invalidValue('path', "a path that begins with '/'", path);
    for (const method of typeof methods === 'string' ? [methods] : methods) {
      const name = method.toUpperCase() as FindMyWay.HTTPMethod;
      if (this.methods.has(name) && this.finder.hasRoute(name, path)) {
        throw Object.assign(new Error(`there is a route for ${name} ${path} already`), { code: 'ERR_HTTP_ROUTE_EXISTS' });
      }
      try {
        this.finder.on(name, path, handler as never, { route: path, segments, edge: `request ${name} ${path}` } satisfies Store);
      } catch (cause) {
        throw Object.assign(invalidValue('path', `a path of a route: ${(cause as Error).message}`, path), { cause });
      }
      this.methods.add(name);
    }
  }

  mount(path: string, handler: Handler): void {
    if (typeof path !== 'string') throw invalidType('path', 'a string', path);
    const base = path.replace(/\/+$/, '');
    if (base.includes('*')) throw invalidValue('path', 'a path without *', path);
    const segments = base.split('/').length - 1;
    if (base !== '') this.add(EVERY_METHOD, base, handler, segments);
    this.add(EVERY_METHOD, `${base}/*`, handler, segments);
  }

  handle(request: Request): ReturnType<Handler> {
    const path = routedPath(request);
    const { method } = request;
    const found = this.find(method, path) ?? (method === 'HEAD' ? this.find('GET', path) : undefined);
    if (!found) return this.miss(request, path);
    const { handler, params, store } = found;
    if (namesJobs) nameJob(store);
    if (admitting && !routers.has(handler as Handler) && !request.admit(store.edge)) return REFUSED;
    if (store.segments === 0) return (handler as Handler)(request.routed(params, store.route));
    const { '*': _, ...named } = params;
    return (handler as Handler)(request.mounted(named, store.route, store.segments));
  }

  private find(method: string, path: string): Found | undefined {
    const found = this.finder.find(method as FindMyWay.HTTPMethod, path) as Found | null;
    if (found === null) return undefined;
    // `DELETE /users/` must not delete a user without an id.
    for (const name in found.params) if (found.params[name] === '' && name !== '*') return undefined;
    return found;
  }

  private miss(request: Request, path: string): ReturnType<Handler> {
    const there = [...this.methods].filter((method) => this.find(method, path));
    if (there.length === 0) return this.notFound ? this.notFound(request) : { status: 404, body: '404 Not Found\n' };
    if (there.includes('GET') && !there.includes('HEAD')) there.push('HEAD');
    if (!there.includes('OPTIONS')) there.push('OPTIONS');
    const headers = { Allow: there.sort().join(', ') };
    return request.method === 'OPTIONS' ? { status: 204, headers } : { status: 405, headers, body: '405 Method Not Allowed\n' };
  }
}

/**
 * A handler that chooses another one by method and path: `/users/:id`, `/files/*`, `/v:major.:minor`, `/orders/:id(^\\d+$)`,
 * `/posts/:page?`. Parameters are decoded, in `request.params`, and known to the compiler. The most specific route is taken, whatever
 * the order in which they were added. A path without a route gets a 404; a method without one gets a 405 with `Allow`, and `OPTIONS`
 * the same as 204. The paths are those of `request.path`; a slash within a parameter may be escaped.
 *
 * Functions around handlers are plain functions: `routes.get('/admin', withUser(handler))`, or around the router itself. The paths
 * are looked up by the package `find-my-way`.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, `ERR_UNKNOWN_OPTION`), RangeError (`ERR_OUT_OF_RANGE`); its
 *   methods also Error (`ERR_HTTP_ROUTE_EXISTS`)
 *
 * @example
 * ```ts
 * import { router, serve, type Handler } from 'stackful/http';
 *
 * const withUser = (next: Handler): Handler => (request) =>
 *   request.headers.has('authorization') ? next(request) : { status: 401, body: 'who are you?\n' };
 *
 * const users = router()
 *   .get('/', () => [{ id: '7', name: 'Ada' }])
 *   .get('/:id', (request) => ({ id: request.params.id }))
 *   .delete('/:id', () => undefined);
 * const routes = router().mount('/users', withUser(users));
 *
 * const server = serve(routes, { host: '127.0.0.1' });
 * const response = await fetch(`http://127.0.0.1:${server.port}/users/7`, { headers: { Authorization: 'Basic YTpi' } });
 * console.log(await response.text()); // {"id":"7"}
 * await server.close();
 * ```
 */
export function router(options: RouterOptions = {}): Router {
  const routes = new Routes(options);
  const self = ((request: Request): ReturnType<Handler> => routes.handle(request)) as Router;
  const adds = (method: string) => ({ value: (path: string, handler: Handler) => (routes.add(method, path, handler), self) });
  Object.defineProperties(self, {
    ...Object.fromEntries(['get', 'post', 'put', 'patch', 'delete'].map((method) => [method, adds(method)])),
    on: { value: (methods: string | readonly string[], path: string, handler: Handler) => (routes.add(methods, path, handler), self) },
    mount: { value: (path: string, handler: Handler) => (routes.mount(path, handler), self) },
  });
  routers.add(self);
  return self;
}
