/** The library's functions that looking at a picture takes, of this process. */
import { featureMaps } from "../explain/feature_maps.ts";
import { explainBy } from "../explain/methods.ts";
import { pooledLayer, poolModel } from "../explain/pool_model.ts";
import { predict } from "../training/predict.ts";
import { preprocess } from "../training/preprocess.ts";
import type { Library } from "./look.ts";

export const library: Library = { explainBy, featureMaps, poolModel, pooledLayer, predict, preprocess };
