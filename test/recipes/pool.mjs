// A stand-in for a pool of PostgreSQL connections in docs/databases.md: two connections, each with one query at a time.
export const pool = {
  statements: [],
  lent: 0,
  closed: 0,
  async connect() {
    pool.lent++;
    let last = Promise.resolve();
    return {
      query(text) {
        return (last = last.then(async () => {
          const ms = Number(/pg_sleep\((.*)\)/.exec(text)?.[1] ?? 0.001) * 1000;
          pool.statements.push(text.split(' ')[0]);
          await new Promise((resolve) => {
            const timer = setTimeout(resolve, ms);
            if (ms > 1000) timer.unref();
          });
        }));
      },
      release(error) {
        pool.lent--;
        if (error) pool.closed++;
      },
    };
  },
};
