/** Errors over the epochs on a canvas: the running training error as a line, test errors as points on another. */

export interface Point {
  /** In epochs, from 0. */
  readonly x: number;
  /** In percent. */
  readonly error: number;
}

const MARGIN = { left: 36, right: 10, top: 24, bottom: 22 };

/** Draws at the size that the canvas has on the page, in its colours, sharp on any screen. */
export function drawErrors(
  canvas: HTMLCanvasElement,
  epochs: number,
  { train, test }: { readonly train: readonly Point[]; readonly test: readonly Point[] },
): void {
  const { clientWidth: width, clientHeight: height } = canvas, scale = devicePixelRatio;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const style = getComputedStyle(canvas), context = canvas.getContext("2d")!;
  const colour = (name: string) => resolved(canvas, style.getPropertyValue(name));
  const [quiet, line, trainColour, testColour] = ["--quiet", "--line", "--train", "--test"].map(colour) as string[];
  context.scale(scale, scale);
  context.font = `12px ${style.fontFamily}`;
  const x = (epoch: number) => MARGIN.left + epoch / epochs * (width - MARGIN.left - MARGIN.right);
  const y = (error: number) => height - MARGIN.bottom - error / 100 * (height - MARGIN.top - MARGIN.bottom);

  context.lineWidth = 1;
  for (const error of [0, 25, 50, 75, 100]) {
    context.strokeStyle = line!;
    context.beginPath();
    context.moveTo(x(0), y(error));
    context.lineTo(x(epochs), y(error));
    context.stroke();
    context.fillStyle = quiet!;
    context.textAlign = "right";
    context.fillText(`${error}`, MARGIN.left - 6, y(error) + 4);
  }
  context.textAlign = "center";
  for (let epoch = 0; epoch <= epochs; epoch++) context.fillText(`${epoch}`, x(epoch), height - 6);

  context.textAlign = "left";
  context.fillText("error in %, by epoch:", MARGIN.left, 14);
  const start = MARGIN.left + context.measureText("error in %, by epoch:  ").width;
  context.fillStyle = trainColour!;
  context.fillText("training", start, 14);
  context.fillStyle = testColour!;
  context.fillText("test", start + context.measureText("training  ").width, 14);

  for (const [points, stroke] of [[train, trainColour!], [test, testColour!]] as const) {
    context.strokeStyle = context.fillStyle = stroke;
    context.lineWidth = 2;
    context.beginPath();
    for (const point of points) context.lineTo(x(point.x), y(point.error));
    context.stroke();
  }
  for (const point of test) {
    context.beginPath();
    context.arc(x(point.x), y(point.error), 3.5, 0, 2 * Math.PI);
    context.fill();
  }
}

/** A colour as the page shows it: a canvas does not know light-dark(). */
function resolved(canvas: HTMLCanvasElement, value: string): string {
  const before = canvas.style.color;
  canvas.style.color = value;
  const colour = getComputedStyle(canvas).color;
  canvas.style.color = before;
  return colour;
}
