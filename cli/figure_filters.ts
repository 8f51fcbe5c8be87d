/** Figures that need no image: the deconvnet from each unit of the first layers (Figure 2), and the first filters. */
import { UserError } from "../core/host/errors.ts";
import { type Crop, cropOf } from "../explain/crop.ts";
import { withExplainer } from "../explain/explain.ts";
import { layerNames } from "../explain/layer_of.ts";
import { clip, fieldAt, receptiveField } from "../explain/receptive_field.ts";
import { type TileGrid, type TileGroup, wholeTile } from "../report/tile_grid.ts";
import { signalPicture } from "../report/signal_picture.ts";
import { getParams } from "../training/params.ts";
import {
  colourNotes,
  type Figure,
  layersOf,
  outputOf,
  rawOf,
  rectangle,
  shownSignals,
  type Subject,
  tileOf,
} from "./figure.ts";

/** Units whose signals are sent back together. */
const AT_ONCE = 32;
/** Columns of all layers together. */
const COLUMNS = 24;
const SIDE = 36;

/** What the deconvnet makes of each unit of the layers, without an image: the unit in the middle, no switches. */
export async function unitFigures(subject: Subject): Promise<Figure[]> {
  const { model, screen, scale, config } = subject,
    layers = layersOf(subject),
    size = model.input.reduce((a, b) => a * b);
  const found: { layer: string; position: readonly number[]; crops: Crop[] }[] = [];
  for (const layer of layers) {
    const [, height, width, count] = outputOf(model, layer) as [number, number, number, number];
    const position = [Math.floor(height / 2), Math.floor(width / 2)] as const, crops: Crop[] = [];
    const seen = clip(fieldAt(receptiveField(model.network, model.input, layer), position), model.input);
    const batch = Math.min(count, AT_ONCE, model.batch), way = { layer, rule: "deconvnet", switches: false } as const;
    await withExplainer(model, batch, way, async (explainer) => {
      for (let first = 0; first < count; first += batch) {
        screen.report(`Sending back ${layer}`, first / count);
        const unit = Array.from({ length: Math.min(batch, count - first) }, (_, n) => first + n);
        const explained = await explainer(new Float32Array(unit.length * size), { unit, position });
        const shown = await shownSignals(subject, explained);
        crops.push(...shown.map(({ reconstruction }) => cropOf(reconstruction, model.input, seen)));
      }
    });
    found.push({ layer, position, crops });
  }
  const columns = Math.max(1, Math.floor(COLUMNS / layers.length));
  return [{
    name: `${layers.join("-").replaceAll("/", "-")}-without-image`,
    ...wrapped(
      {
        title: `${config.name}: the deconvnet from each unit, without an image`,
        notes: ["units row by row, each over its receptive field", ...colourNotes(subject)],
      },
      found.map(({ layer, crops }) => ({
        group: { name: `${layer}, ${crops[0]!.height}x${crops[0]!.width}`, columns },
        tiles: crops.map((crop) => tileOf(crop, crop, model.input, scale)),
      })),
    ),
    index: {
      rule: "deconvnet",
      scale,
      layers: found.map(({ layer, position, crops }) => ({
        layer,
        units: crops.length,
        position,
        field: rectangle(crops[0]!),
      })),
    },
    raw: Object.fromEntries(
      found.flatMap(({ layer, crops }) => crops.map((crop, unit) => [`${layer}/unit${unit}`, rawOf(crop)])),
    ),
  }];
}

/** The weights of the convolution that looks at the pixels. */
export async function filterFigures(subject: Subject): Promise<Figure[]> {
  const { args, model, config, scale } = subject, first = Object.keys(model.specs)[0]!.replace(/\/w$/, "");
  const other = args.list("layer").find((layer) => layer !== first);
  if (other !== undefined) {
    const { length } = layerNames(model.network).filter((name) => name === other);
    throw new UserError(
      length === 0
        ? `Cannot draw the filters of layer "${other}": network "${config.name}" has none of this name`
        : `Cannot draw the filters of layer "${other}": only those of "${first}" look at colours`,
    );
  }
  const { shape, data } = (await getParams(model))[`${first}/w`]!;
  const [height, width, channels, units] = shape as [number, number, number, number], area = height * width * channels;
  const filters = Array.from(
    { length: units },
    (_, unit) => Float32Array.from({ length: area }, (_, i) => data[i * units + unit]!),
  );
  const pictures = wrapped({
    title: `${config.name}, ${first}: its ${units} filters`,
    notes: ["weights as colours, units row by row", ...colourNotes(subject)],
  }, [{
    group: { name: `${first}, ${height}x${width}`, columns: COLUMNS },
    tiles: filters.map((filter) => wholeTile(signalPicture(filter, { height, width }, scale))),
  }]);
  return [{
    name: `${first}-filters`,
    ...pictures,
    index: { layer: first, scale, units },
    raw: Object.fromEntries(filters.map((data, unit) => [`unit${unit}`, { shape: [height, width, channels], data }])),
  }];
}

/** Tiles row by row in as many columns as their group has, and which units those of a row are. */
function wrapped(
  about: Pick<TileGrid, "title" | "notes">,
  parts: readonly { readonly group: TileGroup; readonly tiles: TileGrid["rows"][number]["tiles"][number] }[],
): Pick<Figure, "grid" | "captions"> {
  const rows = Math.max(...parts.map(({ group, tiles }) => Math.ceil(tiles.length / group.columns)));
  const grid = {
    ...about,
    side: SIDE,
    groups: parts.map(({ group }) => group),
    rows: Array.from({ length: rows }, (_, row) => ({
      label: [],
      tiles: parts.map(({ group: { columns }, tiles }) => tiles.slice(row * columns, (row + 1) * columns)),
    })),
  };
  const captions = grid.rows.map(({ tiles }, row) => {
    const units = tiles.flatMap(({ length }, part) => {
      const { name, columns } = parts[part]!.group, first = row * columns;
      return length === 0 ? [] : [`${name}, units ${first} to ${first + length - 1}`];
    });
    return `row ${row + 1}: ${units.join("; ")}`;
  });
  return { grid, captions };
}
