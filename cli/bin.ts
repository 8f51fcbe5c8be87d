#!/usr/bin/env node
import { programArguments } from "../core/runtime.ts";
import { main } from "./main.ts";

await main(programArguments());
