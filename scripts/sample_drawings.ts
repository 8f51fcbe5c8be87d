/** The drawings of models/samples/, as SVG in a square of 32: scenery first, then what the picture is of. */

/** Colours from top to bottom. */
const sky = (top: string, bottom: string) => ({ top, bottom });
const ground = (y: number, color: string) => `<rect y="${y}" width="32" height="${32 - y}" fill="${color}"/>`;
const wheel = (x: number, y: number, r: number) =>
  `<circle cx="${x}" cy="${y}" r="${r}" fill="#151515"/><circle cx="${x}" cy="${y}" r="${r * 0.45}" fill="#9a9a9a"/>`;
const eye = (x: number, y: number, r = 0.7) => `<circle cx="${x}" cy="${y}" r="${r}" fill="#0c0c0c"/>`;
const leg = (x: number, y: number, length: number, color: string, width = 2) =>
  `<path d="M${x} ${y} l-.6 ${length / 2} l.6 ${length / 2}" stroke="${color}" stroke-width="${width}" fill="none"/>`;

interface Drawing {
  readonly back: { readonly top: string; readonly bottom: string };
  readonly shapes: string;
}

/** By class, in the order of CIFAR-10's labels. */
export const SAMPLES: Readonly<Record<string, Drawing>> = {
  airplane: {
    back: sky("#6f9fd8", "#cfe0f0"),
    shapes: `<path d="M3 15 Q5 13 10 13 L25 13.5 Q30 15 29.5 16.5 Q28 18 24 18 L9 18 Q4 18 3 15z" fill="#e8ebef"/>
<path d="M4 15 L2 8 L5 8 L9 13.4z" fill="#c3ccd8"/>
<path d="M14 16 L9 25 L12.5 25 L21 16.5z" fill="#aab4c2"/><path d="M16 13.4 L13 8 L15 8 L21 13.5z" fill="#bcc5d2"/>
<path d="M11 15.2 H25" stroke="#4d5a6b" stroke-width=".8" stroke-dasharray="1 1"/>`,
  },
  automobile: {
    back: sky("#c9d3da", "#e4e2dc"),
    shapes: `${ground(21, "#6d6c6a")}
<path d="M2 22 Q2 17 6 16.5 L9 16 L12 11 Q13 10 15 10 L21 10 Q23 10 24.5 12 L26.5 16 Q30 17 30 20 L30 23 L2 23z" fill="#b3161d"/>
<path d="M11 16 L13.2 12 L17 11.8 L17 16z M18.3 16 L18.3 11.8 L21.5 12 Q23 13 24.6 16z" fill="#28343f"/>
<path d="M2 21.3 H30" stroke="#7d0d12" stroke-width=".8"/><rect x="2" y="18" width="2" height="1.6" fill="#f5e9b8"/>
${wheel(8, 23, 3.3)}${wheel(24, 23, 3.3)}`,
  },
  bird: {
    back: sky("#a9bfa0", "#7f9c70"),
    shapes: `<path d="M0 26 Q16 23 32 27" stroke="#5a4026" stroke-width="2.6" fill="none"/>
<path d="M3 22 L12 16 L14 20z" fill="#4d3a2a"/>
<path d="M9 18 Q12 10 20 10 Q24 6 26.5 9 Q28 11 26 14 Q25 21 17 22.5 Q11 23 9 18z" fill="#8a6a46"/>
<path d="M17 22.5 Q24 20 25 14 Q21 14 18 18z" fill="#d8b58a"/><path d="M9 18 Q14 13 20 15 Q17 20 11 20z" fill="#5f4630"/>
<path d="M27 9.6 L30.5 11 L27 11.8z" fill="#e0a63a"/>${eye(25, 9.8)}
<path d="M17 22 V25 M20 21.5 V25" stroke="#c9882e" stroke-width=".8"/>`,
  },
  cat: {
    back: sky("#8a7461", "#5d4b3d"),
    shapes: `<path d="M6 32 Q5 24 11 21 L21 21 Q27 24 26 32z" fill="#8f8a84"/>
<path d="M7 12 L6.5 3 L13 7.5 L19 7.5 L25.5 3 L25 12 Q26 22 16 22.5 Q6 22 7 12z" fill="#9d9790"/>
<path d="M8.2 9 L8 5.2 L11.5 8z M23.8 9 L24 5.2 L20.5 8z" fill="#d7a79d"/>
<path d="M13 8 V11 M16 7.6 V11 M19 8 V11 M8 15 H10.5 M21.5 15 H24" stroke="#4a4641" stroke-width="1"/>
<ellipse cx="12" cy="13.5" rx="1.9" ry="1.6" fill="#c8c65a"/><ellipse cx="20" cy="13.5" rx="1.9" ry="1.6" fill="#c8c65a"/>
${eye(12, 13.5, 0.9)}${eye(20, 13.5, 0.9)}<ellipse cx="16" cy="18.6" rx="4" ry="2.8" fill="#dad5cd"/>
<path d="M14.8 16.6 H17.2 L16 18z" fill="#c27a74"/><path d="M16 18 V19.5" stroke="#5b4a44" stroke-width=".6"/>`,
  },
  deer: {
    back: sky("#7d9463", "#5c7340"),
    shapes: `${ground(24, "#6f7d3c")}
<path d="M21 9 Q18 6 19 2 M20 6 L17 4.5 M23 9 Q26 6 25.5 2 M24.6 6 L27.5 4.5" stroke="#4b3420" stroke-width="1" fill="none"/>
${[9, 12, 18, 21].map((x) => leg(x, 20, 9, "#7d5530", 1.4)).join("")}
<path d="M7 15 Q9 13 18 14 L20 9 Q22 7.5 25.5 10.5 L27 13 L24 13.5 L22.5 18 Q21 21 18 21 L9 21.5 Q6.5 19 7 15z" fill="#a3713f"/>
<path d="M9 21.3 Q14 19.5 19 21 L18 21.5z" fill="#e2cba6"/><path d="M6.6 15 L5.4 18 L7.4 18z" fill="#efe6d5"/>
<path d="M20.5 9 L17.8 8 L20 10.4z" fill="#8b5e33"/>${eye(23.4, 10.6, 0.6)}`,
  },
  dog: {
    back: sky("#b9c7b1", "#8fa57f"),
    shapes:
      `<path d="M5 32 Q6 24 12 21 L20 21 Q26 24 27 32z" fill="#b98a4c"/><path d="M12 32 Q12 26 16 24 Q20 26 20 32z" fill="#e9dcc3"/>
<path d="M9 8 Q16 3 23 8 Q25 14 22 18 Q20 23 16 23 Q12 23 10 18 Q7 14 9 8z" fill="#c2935a"/>
<path d="M9.5 7 Q4 8 4.5 16 Q7 19 9 15z M22.5 7 Q28 8 27.5 16 Q25 19 23 15z" fill="#7a532a"/>
<ellipse cx="16" cy="18" rx="4.2" ry="4.2" fill="#eedfc6"/><path d="M16 6 V14" stroke="#eedfc6" stroke-width="2"/>
<ellipse cx="16" cy="16.3" rx="1.9" ry="1.3" fill="#1c1613"/>${eye(12.6, 12.4, 1)}${eye(19.4, 12.4, 1)}
<path d="M14.6 20 Q16 21 17.4 20 L17 22.6 Q16 23.4 15 22.6z" fill="#d0615e"/>`,
  },
  frog: {
    back: sky("#6b5a41", "#4f4430"),
    shapes: `<path d="M3 25 Q2 19 8 18 L24 18 Q30 19 29 25 L24 28 L8 28z" fill="#4f7d2a"/>
<path d="M6 20 Q5 12 16 11 Q27 12 26 20 Q25 27 16 27 Q7 27 6 20z" fill="#679c35"/>
<circle cx="10.5" cy="11.5" r="3.2" fill="#679c35"/><circle cx="21.5" cy="11.5" r="3.2" fill="#679c35"/>
<circle cx="10.5" cy="11" r="2" fill="#d9c24a"/><circle cx="21.5" cy="11" r="2" fill="#d9c24a"/>
${eye(10.5, 11, 1.1)}${eye(21.5, 11, 1.1)}<path d="M8 18 Q16 22 24 18" stroke="#2e4a17" stroke-width=".9" fill="none"/>
<path d="M10 21 Q16 27 22 21 Q20 27 16 27 Q12 27 10 21z" fill="#cfd79a"/>
<path d="M4 28 L9 25 L11 29z M28 28 L23 25 L21 29z" fill="#5a8a2e"/>`,
  },
  horse: {
    back: sky("#aecbe6", "#d5e3ea"),
    shapes: `${ground(20, "#7c9a45")}<path d="M4 14 Q2 18 3 23 L5 22 Q4 18 6.5 15z" fill="#2a1a10"/>
${[7.5, 10, 19, 22].map((x) => leg(x, 18, 11, "#5a3418", 1.9)).join("")}
<path d="M5 14 Q7 12 13 13 L19 12 L22 5 L23.5 3 L25 5 L29.5 10 L28 12.5 L25 11 L23.5 17 Q22 20.5 17 19.5 L9 20 Q4.5 19 5 14z" fill="#6f421f"/>
<path d="M22 4.6 Q18.5 7 18 12.4 L20 11.6 Q21 8 23 5z" fill="#26170d"/>${eye(25.3, 7.4, 0.6)}`,
  },
  ship: {
    back: sky("#8fb6dd", "#d3e3ef"),
    shapes: `${
      ground(20, "#2c5f8a")
    }<path d="M1 17.5 H31 L27 24 H5z" fill="#20303f"/><path d="M4.2 22.6 H27.8 L27 24 H5z" fill="#9c2b25"/>
<rect x="7" y="12.5" width="16" height="5" fill="#f0f1ee"/><rect x="9" y="9" width="9" height="3.6" fill="#e2e5e4"/>
<path d="M8 14.6 H22 M10 10.7 H17" stroke="#33495c" stroke-width="1" stroke-dasharray="1 1"/>
<rect x="18.6" y="6.5" width="3" height="6" fill="#c8402f"/><path d="M12.5 9 V4" stroke="#4b5660" stroke-width=".7"/>
<path d="M0 25 Q4 24 8 25 T16 25 T24 25 T32 25" stroke="#7fa9cc" stroke-width=".8" fill="none"/>`,
  },
  truck: {
    back: sky("#b7cbe0", "#e3e5e4"),
    shapes: `${ground(24, "#77736d")}<rect x="1" y="6" width="19" height="16" fill="#e9e6de"/>
<path d="M1 9 H20 M1 19 H20" stroke="#bdb8ad" stroke-width=".7"/><rect x="1" y="21" width="29" height="3" fill="#3a3a3c"/>
<path d="M21 10 L26 10 Q28 10 28.6 13 L30 17 Q30.5 18 30.5 20 L30.5 23 L21 23z" fill="#2458a5"/>
<path d="M23 12 L26 12 Q27 12 27.4 14 L28 16.4 L23 16.4z" fill="#22303c"/><rect x="29" y="19" width="1.6" height="1.6" fill="#f6eec0"/>
${wheel(6, 24.5, 2.8)}${wheel(12.5, 24.5, 2.8)}${wheel(25.5, 24.5, 2.8)}`,
  },
};

/** The drawing of a class as an SVG document. */
export function sampleSvg(name: string): string {
  const { back, shapes } = SAMPLES[name]!;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32" viewBox="0 0 32 32">
<defs><linearGradient id="back" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="${back.top}"/>
<stop offset="1" stop-color="${back.bottom}"/></linearGradient></defs>
<rect width="32" height="32" fill="url(#back)"/>
${shapes}
</svg>`;
}
