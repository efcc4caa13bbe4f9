// programs.cjs FOLDER NAME: a small program for the package of that name in FOLDER/node_modules.
const fs = require('node:fs');
const Fiber = require('fibers');

const [, , folder, name] = process.argv;
const load = (other) => require(require.resolve(other, { paths: [folder] }));
const later = (ms, value, done) => setTimeout(() => done(null, value), ms);

const programs = {
  'meteor-promise'() {
    load('meteor-promise').makeCompatible(Promise, Fiber);
    const out = [];
    Fiber(() => {
      out.push(Promise.await(new Promise((resolve) => setTimeout(() => resolve('a'), 5))), Promise.resolve('b').await());
      try {
        Promise.await(Promise.reject(new Error('rejected')));
      } catch (error) {
        out.push(error.message);
      }
      const plus = Promise.async((x) => Promise.await(Promise.resolve(x + 1)));
      plus(1).then((value) => console.log(...out, value, Fiber.current ? 'in a fiber' : 'outside'));
    }).run();
  },

  '@wdio/sync'() {
    global.browser = {};
    const { wrapCommand, runFnInFiberContext } = load('@wdio/sync');
    const driver = { options: { beforeCommand: [], afterCommand: [] } };
    const title = wrapCommand('getTitle', () => new Promise((resolve) => setTimeout(resolve, 1, 'title')));
    const outside = title.call(driver);
    runFnInFiberContext(() => [title.call(driver), outside.value])().then((values) => console.log(...values));
  },

  synchronize() {
    const sync = load('synchronize');
    const out = [];
    sync.fiber(() => {
      out.push(sync.await(fs.readFile(__filename, 'utf8', sync.defer())) && 'text');
      try {
        sync.await(fs.readFile('/nowhere', sync.defer()));
      } catch (error) {
        out.push(error.code);
      }
      sync.parallel(() => { later(5, 'one', sync.defer()); later(1, 2, sync.defer()); });
      out.push(JSON.stringify(sync.await()));
    }, (error) => console.log(...out, error ?? 'end'));
  },

  fibrous() {
    const fibrous = load('fibrous');
    fibrous(() => {
      const text = fs.sync.readFile(__filename, 'utf8');
      const futures = [fs.future.readFile(__filename, 'utf8'), fs.future.stat(__filename)];
      fibrous.wait(futures);
      return [text === futures[0].get() ? 'same' : 'other', futures[1].get().isFile()];
    })((error, value) => console.log(...(error ? [error] : value)));
  },

  'wait.for'() {
    const wait = load('wait.for');
    wait.launchFiber((argument) => {
      const out = [argument, wait.forMethod({ twice: (x, done) => later(1, x * 2, done) }, 'twice', 4)];
      try {
        wait.for(fs.readFile, '/nowhere');
      } catch (error) {
        out.push(error.code);
      }
      console.log(...out);
    }, 'argument');
  },
};

/** The option `fiber` makes asynchronous functions and importers possible in the faster, synchronous evaluation. */
programs.sass = programs.sass1 = () => {
  let used = false;
  const fiber = Object.defineProperty((fn) => { used = true; return Fiber(fn); }, 'current', { get: () => Fiber.current });
  fiber.yield = (...args) => Fiber.yield(...args);
  load(name).render({
    data: '@import "x"; a { b: three(); }', fiber, silenceDeprecations: ['legacy-js-api', 'import'],
    importer: (_url, _from, done) => { later(1, { contents: 'c { d: e; }' }, (_error, value) => done(value)); },
    functions: { 'three()': (done) => { later(1, new (load(name).types.Number)(3), (_error, value) => done(value)); } },
  }, (error, result) => {
    if (error) throw error;
    const css = result.css.toString().split(/\n(?=\w)/).sort().join(' ').replace(/\s+/g, ' ').trim();
    console.log(css, used ? 'through the fiber' : 'without it');
  });
};

programs[name]();
