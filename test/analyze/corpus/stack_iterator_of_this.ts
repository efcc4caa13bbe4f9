import { sleep } from 'stackful';

/** What a class steps through is itself. */
class Pages {
  *[Symbol.iterator](): Generator<number> {
    sleep(1);
    yield 1;
  }

  all(): number[] {
    return [...this];
  }
}

class Numbers {
  *[Symbol.iterator](): Generator<number> {
    yield 1;
  }

  all(): number[] {
    return [...this];
  }
}

setTimeout(() => {
  new Pages().all(); // expect: wrong-stack
  new Numbers().all();
}, 5);
