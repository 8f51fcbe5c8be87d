import { programArguments } from "../core/runtime.ts";
import { main } from "./mod.ts";

await main(programArguments());
