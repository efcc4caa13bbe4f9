// Users, as the database has them.
import { HttpError } from 'stackful/http';

import { isDuplicate } from './database.mjs';
import { hash, matches } from './passwords.mjs';

/** @typedef {{ id: string, name: string }} User */

const NAME = /^[\p{L}\p{N}_-]{2,30}$/u;
const PASSWORD = { least: 8, most: 200 };

export class Users {
  /** @param {import('./database.mjs').Database} database */
  constructor(database) {
    this.database = database;
  }

  /** @returns {User} */
  signUp(name, password) {
    if (!NAME.test(name)) throw new HttpError(400, 'a name has 2 to 30 letters, digits, _ and -');
    if (password.length < PASSWORD.least || password.length > PASSWORD.most) {
      throw new HttpError(400, `a password has ${PASSWORD.least} to ${PASSWORD.most} characters`);
    }
    const kept = hash(password);
    try {
      const [user] = this.database.rows('INSERT INTO users (name, password) VALUES ($1, $2) RETURNING id, name', [name, kept]);
      return user;
    } catch (error) {
      if (isDuplicate(error)) throw new HttpError(409, 'that name is taken');
      throw error;
    }
  }

  /** @returns {User} */
  logIn(name, password) {
    const [found] = NAME.test(name)
      ? this.database.rows('SELECT id, name, password FROM users WHERE lower(name) = lower($1)', [name])
      : [];
    if (!matches(password.slice(0, PASSWORD.most), found?.password)) throw new HttpError(401, 'name or password is wrong');
    return { id: found.id, name: found.name };
  }
}
