/* global describe, it, beforeEach */
require('./runner_cases.cjs')({ describe, it, beforeEach });

it('has the context of Mocha', require('stackful/embed').inCoroutine(function () {
  require('stackful').sleep(1);
  if (this.test.title !== 'has the context of Mocha') throw new Error(this.test.title);
}));
