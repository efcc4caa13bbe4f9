import { describe, expect, it } from 'vitest';

import { UseModel } from '../../../lib/schedule/admission/use_model.js';
import { numbers } from './machine.js';

describe('the model of use', () => {
  it('tells edges apart, and what is used besides', () => {
    const random = numbers();
    const model = new UseModel();
    for (let i = 0; i < 200; i++) {
      const units = [100 * random(), 20 * random(), 5 * random()];
      model.add(units, 7 + 0.5 * units[0]! + 3 * units[1]! + 0 * units[2]!);
    }
    expect(model.uses[0]).toBeCloseTo(0.5, 1);
    expect(model.uses[1]).toBeCloseTo(3, 1);
    expect(model.uses[2]).toBeLessThan(0.3);
    expect(model.other).toBeGreaterThan(4);
    expect(model.other).toBeLessThan(10);
  });

  it('forgets what was, and learns edges that come later', () => {
    const random = numbers();
    const model = new UseModel();
    for (let i = 0; i < 200; i++) model.add([10], 20);
    for (let i = 0; i < 300; i++) {
      const units = [10 * random(), 10 * random()];
      model.add(units, 5 * units[0]! + units[1]!);
    }
    expect(model.uses[0]).toBeCloseTo(5, 0);
    expect(model.uses[1]).toBeCloseTo(1, 0);
  });

  it('tells edges apart that always have as much to do as each other, where one cannot have used more', () => {
    const model = new UseModel();
    for (let i = 0; i < 50; i++) model.add([10, 10], 60, [Infinity, 1]);
    expect(model.uses[1]).toBeLessThanOrEqual(1);
    expect(10 * model.uses[0]! + 10 * model.uses[1]! + model.other).toBeCloseTo(60, 0);
  });

  it('has no negative uses, and none of edges without units', () => {
    const random = numbers();
    const model = new UseModel();
    for (let i = 0; i < 100; i++) {
      const units = 10 * random();
      model.add([units, 10 - units, 0], 10 * units);
    }
    for (const use of [...model.uses, model.other]) expect(use).toBeGreaterThanOrEqual(0);
    expect(model.uses[2]).toBe(0);
  });
});
