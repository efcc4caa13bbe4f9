/** The part of a route's path that is the number of a note. Longer ones would be no bigint of PostgreSQL's. */
export const NOTE = '/notes/:id(^\\d{1,18}$)';
