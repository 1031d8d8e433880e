#!/usr/bin/env node
import module from 'node:module';

module.enableCompileCache?.(); // Node 22.1 and later keep compiled code from run to run
await import('../dist/main.js');
