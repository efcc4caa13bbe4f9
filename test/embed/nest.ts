/** Nest with the routes of frameworks.ts. Its decorators are called as functions, because the tests are not compiled for them. */
import 'reflect-metadata';
import type { Server } from 'node:http';
import { Catch, Controller, Get, Module, Req, UseFilters, UseGuards, type ArgumentsHost, type CanActivate } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Request, Response } from 'express';

import { sleep } from 'stackful';
import { coroutine } from 'stackful/embed';
import { routed, type Routes, type Running } from './frameworks.js';

/** As a decorator: `@InCoroutine()` below `@Get()`. */
function InCoroutine(): MethodDecorator {
  return (_target, _name, descriptor: PropertyDescriptor) => {
    descriptor.value = coroutine(descriptor.value);
    return descriptor;
  };
}

function decorateMethod(type: new (...args: never[]) => object, name: string, ...decorators: MethodDecorator[]): void {
  const descriptor = Object.getOwnPropertyDescriptor(type.prototype, name)!;
  for (const decorate of decorators.reverse()) decorate(type.prototype as object, name, descriptor);
  Object.defineProperty(type.prototype, name, descriptor);
}

export async function nest(routes: Routes): Promise<Running> {
  const errors: unknown[] = [];

  class WaitingGuard implements CanActivate {
    readonly canActivate = coroutine(() => (sleep(1), true));
  }

  class ErrorFilter {
    catch(error: Error, host: ArgumentsHost): void {
      errors.push(error);
      host.switchToHttp().getResponse<Response>().status(500).send(error.message);
    }
  }
  Catch()(ErrorFilter);

  class PagesController {
    page(request: Request): string {
      return routed(routes, request.originalUrl);
    }
  }
  decorateMethod(PagesController, 'page', Get('*path'), InCoroutine());
  Req()(PagesController.prototype, 'page', 0);
  for (const decorate of [Controller(), UseGuards(WaitingGuard), UseFilters(ErrorFilter)]) decorate(PagesController);

  class AppModule {}
  Module({ controllers: [PagesController] })(AppModule);

  const app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as Server).address() as { port: number };
  return { port, errors, close: () => app.close() };
}
