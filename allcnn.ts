#!/usr/bin/env node
import { main } from "./cli/main.ts";
import { programArguments } from "./core/host/process.ts";

await main(programArguments());
