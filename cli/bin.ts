#!/usr/bin/env node
import { programArguments } from "../core/host/process.ts";
import { main } from "./main.ts";

await main(programArguments());
