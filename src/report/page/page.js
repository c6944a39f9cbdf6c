'use strict';
// The page from its data (src/report/page.hpp says what that holds): sections, figures with a table
// behind each, drawn when they come into view and before printing. All text of the user's goes
// through textContent or Vega's text marks, so that no name can become markup.

const DATA = JSON.parse(document.getElementById('data').textContent);

// {columns: [...], rows: [[...], ...]} as objects; a column `cell` becomes that cell's task, method and seed.
const unpack = (table, cells) => table.rows.map((row) => Object.fromEntries(
  table.columns.flatMap((c, i) => c === 'cell' && cells ? Object.entries(cells[row[i]]) : [[c, row[i]]])));
const byCell = (run, table) => unpack(run[table], run.places ??= unpack(run.cells));

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const dark = matchMedia('(prefers-color-scheme: dark)');
function theme() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue('--' + name).trim();
  return {ground: colour('ground'), ink: colour('ink'), soft: colour('soft'), line: colour('line'), accent: colour('accent'),
          better: colour('better'), worse: colour('worse'), narrow: document.documentElement.clientWidth < 560};
}

function config(t) {
  const text = {labelColor: t.ink, titleColor: t.soft, titleFontWeight: 'normal', labelFontSize: 12, titleFontSize: 12};
  return {background: 'transparent', font: 'system-ui, "DejaVu Sans", sans-serif', view: {stroke: t.line},
          axisQuantitative: {tickCount: t.narrow ? 4 : 8}, axis: {...text, gridColor: t.line, gridOpacity: 0.6, domainColor: t.line, tickColor: t.line}, legend: {...text, labelLimit: 220},
          rule: {color: t.ink}, text: {color: t.ink}};
}

// Every figure of the page: drawn once it is near the window, again when the colours change.
const figures = [];
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) figures.find((f) => f.chart === entry.target).show();
}, {rootMargin: '300px'});

class Figure {
  // spec(theme): the chart. rows(): what it shows, for the table behind it.
  constructor(section, title, explanation, spec, rows) {
    Object.assign(this, {spec, rows, title, drawn: false});
    this.chart = make('div', {class: 'chart'});
    this.table = make('details', {class: 'table'}, make('summary', {}, 'Table: ' + title));
    this.table.addEventListener('toggle', () => { if (this.table.open) this.fill(); });
    section.append(make('figure', {}, make('figcaption', {}, make('b', {}, title), ' ', explanation), this.chart, this.table));
    figures.push(this);
    seen.observe(this.chart);
  }
  async show() {
    if (this.drawn) return;
    this.drawn = true;
    if (!this.rows().length) {  // of a menu's choice, or before anything is done
      this.chart.replaceChildren(make('p', {class: 'note'}, 'Nothing to show yet.'));
      this.chart.dataset.drawn = 'empty';
      return;
    }
    const t = theme();
    const result = await vegaEmbed(this.chart, {...this.spec(t), config: config(t)},
      {ast: true, renderer: 'svg', actions: {export: true, source: false, compiled: false, editor: false}, downloadFileName: this.title});
    this.view = result.view;
    const picture = this.chart.querySelector('svg');
    picture.setAttribute('role', 'img');  // one picture to a screen reader, not a thousand marks
    picture.setAttribute('aria-label', this.title + '. The same figures are in the table below.');
    this.chart.dataset.drawn = 'yes';
  }
  again() {
    if (this.table.open) this.fill();
    if (!this.drawn) return;
    this.drawn = false;
    if (this.view) this.view.finalize();
    this.view = undefined;
    delete this.chart.dataset.drawn;
    return this.show();
  }
  fill() {
    for (const old of this.table.querySelectorAll('.scroll')) old.remove();
    this.table.append(tableOf(this.rows()));
  }
}

// With as many digits as the largest of its column needs.
function shown(value, largest) {
  if (typeof value !== 'number') return value === null || value === undefined ? '–' : String(value);
  if (Number.isInteger(value)) return String(value);
  const decimals = largest < 1 ? 4 : 2;
  return largest >= 1e5 || Math.abs(value) < 10 ** -decimals ? value.toExponential(2) : value.toFixed(decimals);
}

function tableOf(rows, chosen = () => false) {
  if (!rows.length) return make('div', {class: 'scroll'}, make('p', {class: 'note'}, 'Nothing to show.'));
  const columns = Object.keys(rows[0]);
  const numeric = new Set(columns.filter((c) => rows.every((r) => r[c] === null || r[c] === undefined || typeof r[c] === 'number')));
  const kind = (c) => numeric.has(c) ? {class: 'number'} : rows.some((r) => String(r[c]).length > 48) ? {class: 'long'} : {};
  const largest = Object.fromEntries([...numeric].map((c) => [c, Math.max(...rows.map((r) => Math.abs(r[c] ?? 0)))]));
  const head = make('tr', {}, ...columns.map((c) => make('th', {scope: 'col', ...(numeric.has(c) ? {class: 'number'} : {})}, c)));
  const body = rows.map((r) => make('tr', chosen(r) ? {class: 'chosen'} : {}, ...columns.map((c) => make('td', kind(c), shown(r[c], largest[c])))));
  return make('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'table'}, make('table', {}, make('thead', {}, head), make('tbody', {}, ...body)));
}

function section(id, title, ...text) {
  const part = make('section', {id, 'aria-labelledby': id + '-title'}, make('h2', {id: id + '-title'}, title), ...text.map((t) => make('p', {}, t)));
  document.querySelector('main').append(part);
  document.querySelector('nav').append(make('a', {href: '#' + id}, title));
  return part;
}

// A menu whose choice redraws the figures that depend on it.
function menu(parent, label, values, changed, names = {}) {
  const select = make('select', {}, ...values.map((v, i) => make('option', {value: i}, String(names[v] ?? v))));
  select.addEventListener('change', () => changed(values[Number(select.value)]));
  let controls = parent.lastElementChild;
  if (!controls || !controls.classList.contains('controls')) parent.append(controls = make('div', {class: 'controls'}));
  controls.append(make('label', {}, label, select));
}

const distinct = (rows, key) => [...new Set(rows.map((r) => r[key]))];
const cellName = (r) => `${r.method}, seed ${r.seed}`;  // within a task
const titled = (run, title) => DATA.runs.length > 1 ? `${run.name}: ${title}` : title;

function answer(run, index) {
  const part = section('answer' + (index || ''), titled(run, 'Answer'));
  part.append(make('p', {class: 'asked'}, run.asked));
  for (const verdict of run.verdicts) {
    part.append(make('div', {class: 'verdict ' + verdict.kind}, make('strong', {}, verdict.text), make('p', {}, verdict.detail)));
  }
  if (run.family) part.append(make('p', {}, run.family));
  part.append(make('ul', {class: 'cards'}, ...run.cards.map((c) => make('li', {}, make('span', {}, c.label), make('b', {}, c.value), make('span', {}, c.note)))));
  const best = unpack(run.best).map(({baseline, ...row}) => run.baseline ? {...row, [`mean of ${run.baseline}`]: baseline} : row);
  if (best.length) {
    part.append(make('h3', {}, 'The best method of each task'), tableOf(best),
      make('p', {class: 'note'}, 'The highest of several means, without a verdict: having won flatters it.'));
  }
}

function comparison(run, index) {
  const rows = unpack(run.comparisons).filter((r) => r.difference !== null).map((r) => ({...r, label: `${r.method} – ${r.reference}`}));
  const part = section('methods' + (index || ''), titled(run, 'Methods'));
  if (rows.length) {
    new Figure(part, 'Differences of the average',
      'Each line is a question that the spec asked, with a 95 % interval; right of zero the first method is better. A triangle is a verdict (better, worse), a square equal, a circle undecided. The first, if primary, stands by itself; the others share Holm’s correction.',
      (t) => charts.forest(rows, t), () => unpack(run.comparisons));
  }
  part.append(make('h3', {}, 'Means'), tableOf(unpack(run.table), (r) => r.method === run.baseline),
    make('p', {class: 'note'}, run.reading), make('p', {class: 'note'}, run.signature));
  const pairs = unpack(run.pairs);
  if (pairs.length > 1) {
    const values = pairs.map((r) => r.mean).filter((v) => v !== null);
    const middle = (Math.min(...values) + Math.max(...values)) / 2;
    new Figure(part, 'Acquisition outside and inside', 'The paper’s ablation: mean over tasks and seeds, report split, x 100.',
      (t) => charts.pairs(pairs.map((r) => ({...r, bright: r.mean > middle})), t), () => pairs);
  }
  const scores = byCell(run, 'scores'), means = unpack(run.means);
  const base = Object.fromEntries(means.filter((r) => r.method === run.baseline).map((r) => [r.task, r.mean]));
  const gains = means.filter((r) => r.method !== run.baseline && r.mean !== null && (base[r.task] ?? null) !== null)
    .map((r) => ({method: r.method, task: r.task, gain: r.mean - base[r.task], mean: r.mean, baseline: base[r.task]}));
  part.append(make('h3', {}, 'Task by task'));
  if (gains.length) new Figure(part, 'Points gained over ' + run.baseline, 'Difference of the means over seeds; blue is better, orange worse. Shown without verdicts: one task’s few seeds decide little.', (t) => charts.gains(gains, t), () => gains);
  let task = run.tasks[0];
  const of = (list) => list.filter((r) => r.task === task);
  let figure;
  menu(part, 'Task', run.tasks, (t) => { task = t; figure.again(); });
  figure = new Figure(part, 'Methods on a task', 'Every dot is one seed, the tick their mean.',
    (t) => charts.task(of(means), of(scores), t), () => of(scores));
}

function budget(run, index) {
  const all = unpack(run.progress);
  if (!all.length) return;
  const part = section('budget' + (index || ''), titled(run, 'Budget'), 'What each method had reached by the time it had spent that much. A run that several methods share is charged to each of them.');
  let axis = 'examples', figure;
  menu(part, 'Against', ['examples', 'flops', 'seconds'], (a) => { axis = a; figure.again(); }, {flops: 'FLOPs'});
  figure = new Figure(part, 'Best so far', 'Report score of the trial that selection would choose, mean over tasks and seeds. Click a method in the legend to single it out.',
    (t) => charts.progress(all, t, run.methods, axis), () => all);
}

function search(run, index) {
  const variables = run.variables.map((v, i) => ({...v, field: 'x' + i}));
  const trials = byCell(run, 'trials').filter((r) => variables.some((v) => r[v.field] !== null));
  if (!trials.length) return;
  const part = section('search' + (index || ''), titled(run, 'Search'), 'Where the outer loop looked, and what its model believes after the last trial.');
  const importance = unpack(run.importance);
  if (importance.length) {
    new Figure(part, 'Which hyperparameters matter', 'How much of the predicted score’s variance over the whole box is each one’s alone: the main effect of the Gaussian process’s mean (functional ANOVA: Hutter, Hoos, Leyton-Brown 2014), as a share of all main effects, mean over the cells that search.',
      (t) => charts.importance(importance, t), () => importance);
  } else {
    part.append(make('p', {class: 'note'}, 'No cell has the three trials with a result from which a model could tell which hyperparameter matters.'));
  }
  // The two that matter most, else the first two.
  const axes = run.axes.length ? run.axes.map((a) => ({...variables[a.variable], edges: a.edges})) : variables.slice(0, 2);
  const state = {task: trials[0].task, method: distinct(trials, 'method').at(-1), seed: trials[0].seed, shown: 'mean'};
  let figure;
  const change = (key) => (value) => { state[key] = value; figure.again(); };
  const of = (list) => list.filter((r) => r.task === state.task && r.method === state.method && r.seed === state.seed);
  part.append(make('h3', {}, 'Trial by trial'));
  menu(part, 'Task', distinct(trials, 'task'), change('task'));
  menu(part, 'Method', distinct(trials, 'method').reverse(), change('method'));
  menu(part, 'Seed', distinct(trials, 'seed'), change('seed'));
  if (run.surfaces.length && axes.length > 1) menu(part, 'Colour', ['mean', 'uncertainty'], change('shown'));
  figure = new Figure(part, 'Trials over the hyperparameters',
    (axes.length > 1 ? 'Over the two that matter most; the colour is the model’s prediction' + (variables.length > 2 ? ', the others standing where the chosen trial has them.' : '.') : 'The line is the model’s prediction, the band two standard deviations to either side.') +
    ' Diamonds were proposed by the model, circles are the start design; the largest is the one that was chosen.',
    (t) => charts.search(of(trials), surface(of(run.surfaces)[0], axes), t, variables, axes, state.shown), () => of(trials));
}

// A cell's predictions as rows of rectangles over the axes, or of points over a single one.
function surface(predicted, axes) {
  if (!predicted) return [];
  const parts = axes.map((a) => a.edges ? a.edges.slice(1).map((high, i) => ({low: a.edges[i], high})) : a.values.map((v) => ({low: v, high: v})));
  const rows = parts.length > 1 ? parts[1] : [{low: null, high: null}];
  return rows.flatMap((y, j) => parts[0].map((x, i) => {
    const [mean, sd] = [predicted.mean, predicted.sd].map((list) => list[j * parts[0].length + i]);
    return {left: x.low, right: x.high, bottom: y.low, top: y.high, mean, uncertainty: sd, low: mean - 2 * sd, high: mean + 2 * sd};
  }));
}

function fusion(run, index) {
  const trials = byCell(run, 'trials'), inner = byCell(run, 'inner'), alphas = byCell(run, 'alphas');
  const premise = trials.filter((r) => r.loss !== null && r.selection !== null);
  const mixes = inner.filter((r) => r.loss !== null && r.selection !== null);
  const distances = trials.filter((r) => r.distance !== null);
  if (!distances.length && !inner.length) return;
  const part = section('fusion' + (index || ''), titled(run, 'Fusion'), 'The inner loop mixes a run’s snapshots for the lowest training loss. Whether that makes a better model is the first chart’s question.');
  let task = run.tasks[0];
  const own = [];
  const of = (list) => list.filter((r) => r.task === task);
  menu(part, 'Task', run.tasks, (t) => { task = t; own.forEach((f) => f.again()); });
  const add = (list, title, explanation, draw) => { if (list.length) own.push(new Figure(part, title, explanation, (t) => draw(of(list), t), () => of(list))); };
  const named = (list) => list.map((r) => ({...r, cell: cellName(r)}));
  add(premise, 'Training loss against selection score', 'Every trial’s fused model. Were the premise true, points would fall from left to right; but trials differ in their hyperparameters too, which move both.', (rows, t) => charts.premise(rows, t, run.methods));
  add(mixes, 'The same within one run', 'Every mix that the inner loops of the chosen trials tried: nothing differs between the points of a run but the weights.', (rows, t) => charts.mixes(named(rows), t, run.methods));
  if (!mixes.length && inner.some((r) => r.loss !== null)) part.append(make('p', {class: 'note'}, 'The single mixes of a run have a training loss alone: an inner loop that looks at both, {ehvi: [training_loss, selection_score]}, shows here how they go together within one run.'));
  add(inner.filter((r) => r.loss !== null), 'The inner loop of the chosen trials', 'Loss of each mix that was tried; bold where it was the lowest so far.', (rows, t) => charts.inner(named(rows), t, run.methods));
  add(along(inner), 'Along a segment', 'Loss of the mixes between the last snapshot and the mean of all: below both ends, mixing some of the older snapshots in helped; a hump between would be a barrier.', (rows, t) => charts.segment(named(rows), t, run.methods));
  add(alphas, 'Chosen fusion weights', 'How much of each snapshot is in the chosen model.', (rows, t) => charts.alphas(named(rows), t));
  add(distances, 'Distance from the plain mean', 'Of every trial’s weights: 0 is the mean of all snapshots (SWA), 1 a single one. Dark: the chosen trials.', (rows, t) => charts.distances(rows, t, run.methods));
}

// Of the inner loops' mixes those on the segment, of cells that have three of them.
function along(inner) {
  const rows = inner.filter((r) => r.segment !== null && r.loss !== null);
  const count = {};
  const cell = (r) => `${r.task} ${cellName(r)}`;
  for (const r of rows) count[cell(r)] = (count[cell(r)] ?? 0) + 1;
  return rows.filter((r) => count[cell(r)] > 2).sort((a, b) => a.segment - b.segment);
}

function training(run, index) {
  const curves = byCell(run, 'curves').map((r) => ({...r, cell: cellName(r)}));
  const failures = byCell(run, 'failures');
  const part = section('training' + (index || ''), titled(run, 'Training'));
  if (curves.length) {
    let task = run.tasks[0], field = 'loss', figure;
    menu(part, 'Task', run.tasks, (t) => { task = t; figure.again(); });
    menu(part, 'Show', ['loss', 'grad_norm', 'learning_rate'], (f) => { field = f; figure.again(); }, {grad_norm: 'gradient norm', learning_rate: 'learning rate'});
    const rows = () => curves.filter((r) => r.task === task);
    figure = new Figure(part, 'Learning curves of the chosen runs', 'A line for each seed; a run that several methods chose is drawn once.', (t) => charts.curves(rows(), t, run.methods, field), rows);
  }
  part.append(make('h3', {}, 'Runs that diverged, collapsed, failed or were pruned'), failures.length ? tableOf(failures) : make('p', {class: 'note'}, 'None.'));
}

// For a shell, as one word.
const quoted = (word) => /^[\w.\/=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

function provenance(run, index) {
  const part = section('provenance' + (index || ''), titled(run, 'Provenance'));
  part.append(make('dl', {}, ...run.provenance.flatMap(([k, v]) => [make('dt', {}, k), make('dd', {}, v)])));
  part.append(make('h3', {}, 'To repeat'), make('p', {class: 'note'}, 'The whole experiment, and any one cell of it in a run of its own.'));
  const whole = make('pre', {tabindex: '0'}, run.command.map(quoted).join(' '));
  const single = make('pre', {tabindex: '0', 'aria-live': 'polite'});
  const cells = unpack(run.cells);
  const state = {task: cells[0].task, method: cells[0].method, seed: cells[0].seed};
  const show = () => {  // as a pattern, so that seed1 is not seed10 too
    const cell = `${state.task}/${state.method}/seed${state.seed}`.replace(/[*?[]/g, '[$&]').replace(/\d$/, '[$&]');
    single.textContent = [...run.command, `name=${run.name}-again`, '--only', cell].map(quoted).join(' ');
  };
  part.append(whole);
  for (const key of ['task', 'method', 'seed']) menu(part, key, distinct(cells, key), (value) => { state[key] = value; show(); });
  part.append(single);
  show();
}

function beside() {
  const part = section('beside', 'Side by side', 'What differs between the experiments, first in their specs, then in their results.');
  const names = DATA.runs.map((r) => r.name);
  part.append(make('h3', {}, 'Differences of the specs'), tableOf(unpack(DATA.differences)));
  const rows = DATA.runs.flatMap((run) => unpack(run.means).filter((r) => r.task === 'average').map((r) => ({run: run.name, method: r.method, mean: r.mean, sd: r.sd})));
  new Figure(part, 'Averages', 'Compare only experiments whose signatures agree in data, splits and rows.', (t) => charts.beside(rows, t, names), () => rows);
}

function build() {
  const first = DATA.runs[0];
  document.querySelector('h1').textContent = DATA.runs.map((r) => r.name).join(', ');
  document.querySelector('header .asked').textContent = DATA.runs.length > 1 ? `${DATA.runs.length} experiments` : first.title;
  document.querySelector('footer').textContent = 'Charts drawn by Vega-Lite; nothing here asks the network for anything.';
  if (DATA.runs.length > 1) beside();
  DATA.runs.forEach((run, i) => { for (const part of [answer, comparison, budget, search, fusion, training, provenance]) part(run, i); });
  dark.addEventListener('change', () => figures.forEach((f) => f.again()));
  drawIdly();
}

// What is near the window comes first; the rest when nothing else is to do, so that it can be printed.
function drawIdly() {
  const next = figures.find((f) => !f.drawn);
  if (next) requestIdleCallback(() => next.show().finally(drawIdly));
}

// For those who drive the page from outside: draws everything, and answers when it is done.
window.drawAll = () => Promise.all(figures.map((f) => f.show()));
build();
