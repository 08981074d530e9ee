/** The look of the surface. Pages change it by the variables --surface-*, and by the attribute theme="dark|light". */
const DARK = `
  --panel: var(--surface-panel, #23262d); --text: var(--surface-text, #e8eaf0); --faint: #a3a9b8;
  --stage: var(--surface-stage, #15171b); --check: #1b1e23; --line: #3a3f4a; --hover: #323742;
  --accent: var(--surface-accent, #6ea8ff); --on-accent: #0c1420;`;

export default `
:host {
  --panel: var(--surface-panel, #ffffff); --text: var(--surface-text, #1d2330); --faint: #596173;
  --stage: var(--surface-stage, #e9ecf1); --check: #dfe3ea; --line: #cfd5df; --hover: #eaeff7;
  --accent: var(--surface-accent, #1f5fd6); --on-accent: #ffffff;
  container-type: inline-size; display: flex; flex-direction: column; min-width: 0; min-height: 280px;
  overflow: hidden; color: var(--text);
  background: var(--panel); border: 1px solid var(--line); border-radius: 10px;
  font: 14px/1.35 system-ui, "Segoe UI", Roboto, sans-serif;
}
@media (prefers-color-scheme: dark) { :host(:not([theme="light"])) { ${DARK} } }
:host([theme="dark"]) { ${DARK} }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 10px; padding: 6px 8px; }
.bar:empty { display: none; }
.group { display: flex; flex-wrap: wrap; align-items: center; gap: 2px; }
button {
  display: inline-flex; align-items: center; justify-content: center; gap: 6px; min-width: 36px; height: 36px;
  padding: 0 8px; font: inherit; color: inherit; background: none; border: 0; border-radius: 8px; cursor: pointer;
}
button:hover { background: var(--hover); }
button:disabled { opacity: .35; cursor: default; background: none; }
button[aria-pressed="true"] { color: var(--on-accent); background: var(--accent); }
.stage:focus { outline: none; }
button:focus-visible, input:focus-visible, .stage.keyboard:focus {
  outline: 2px solid var(--accent); outline-offset: -2px;
}
svg {
  width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round;
  stroke-linejoin: round;
}
.end { margin-left: auto; }
.size { display: flex; align-items: center; gap: 6px; color: var(--faint); white-space: nowrap; }
.size input { width: 96px; accent-color: var(--accent); }
.palette { gap: 4px; flex-basis: 100%; }
.palette button { height: 30px; padding: 0 8px 0 5px; font-size: 13px; border: 1px solid var(--line); }
.swatch { width: 18px; height: 18px; border-radius: 4px; border: 1px solid rgb(128 128 128 / .6); }
.stage {
  position: relative; flex: 1 1 auto; min-height: 200px; overflow: hidden; touch-action: none; user-select: none;
  -webkit-user-select: none; -webkit-touch-callout: none;
  background: var(--stage) repeating-conic-gradient(var(--check) 0 25%, transparent 0 50%) 0 0 / 24px 24px;
}
canvas { position: absolute; inset: 0; width: 100%; height: 100%; }
.zoom {
  position: absolute; right: 8px; bottom: 8px; display: flex; padding: 2px; border: 1px solid var(--line);
  border-radius: 10px; background: var(--panel); box-shadow: 0 1px 4px rgb(0 0 0 / .2);
}
.zoom .percent { min-width: 52px; font-size: 13px; font-variant-numeric: tabular-nums; }
.compare { position: absolute; left: 50%; top: 0; width: 1px; height: 1px; opacity: 0; }
.status { /* of one height, as the image would jump otherwise */
  flex: none; height: 31px; padding: 5px 10px; overflow: hidden; font-size: 13px; color: var(--faint);
  border-top: 1px solid var(--line);
}
.name { display: none; }
@container (min-width: 600px) { .tools .name { display: inline; } }
@container (max-width: 600px) { .status { height: 47px; } }
@container (max-width: 400px) {
  .bar { gap: 4px; padding: 4px; }
  .size input { width: 72px; }
  button { padding: 0 5px; }
}
@media (pointer: coarse) { button { min-width: 40px; height: 40px; } .palette button { height: 36px; } }
`;
