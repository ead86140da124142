#!/usr/bin/env node
process.stdout.write("varve\n");
