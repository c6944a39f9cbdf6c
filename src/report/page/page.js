'use strict';
// The page from its data (src/report/page.hpp says what that holds): sections, figures with a table
// behind each, drawn when they come into view and before printing. All text of the user's goes
// through textContent or Vega's text marks, so that no name can become markup.

const DATA = JSON.parse(document.getElementById('data').textContent);

// {columns: [...], rows: [[...], ...]} as objects.
const unpack = (table) => table.rows.map((row) => Object.fromEntries(table.columns.map((c, i) => [c, row[i]])));

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
          axis: {...text, gridColor: t.line, gridOpacity: 0.6, domainColor: t.line, tickColor: t.line}, legend: {...text, labelLimit: 220},
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
    this.chart = make('div', {class: 'chart', role: 'img', 'aria-label': title + '. The same figures are in the table below.'});
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

const shown = (value) => value === null || value === undefined ? '–'
  : typeof value === 'number' && !Number.isInteger(value)
    ? (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3 ? value.toExponential(2) : value.toFixed(Math.abs(value) < 1 ? 4 : 2))
    : String(value);

function tableOf(rows, chosen = () => false) {
  if (!rows.length) return make('div', {class: 'scroll'}, make('p', {class: 'note'}, 'Nothing to show.'));
  const columns = Object.keys(rows[0]);
  const numeric = new Set(columns.filter((c) => rows.every((r) => r[c] === null || r[c] === undefined || typeof r[c] === 'number')));
  const kind = (c) => numeric.has(c) ? {class: 'number'} : rows.some((r) => String(r[c]).length > 48) ? {class: 'long'} : {};
  const head = make('tr', {}, ...columns.map((c) => make('th', {scope: 'col', ...(numeric.has(c) ? {class: 'number'} : {})}, c.replaceAll('_', ' '))));
  const body = rows.map((r) => make('tr', chosen(r) ? {class: 'chosen'} : {}, ...columns.map((c) => make('td', kind(c), shown(r[c])))));
  return make('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'table'}, make('table', {}, make('thead', {}, head), make('tbody', {}, ...body)));
}

function section(id, title, ...text) {
  const part = make('section', {id, 'aria-labelledby': id + '-title'}, make('h2', {id: id + '-title'}, title), ...text.map((t) => make('p', {}, t)));
  document.querySelector('main').append(part);
  document.querySelector('nav').append(make('a', {href: '#' + id}, title));
  return part;
}

// A menu whose choice redraws the figures that depend on it.
function menu(parent, label, values, changed) {
  const select = make('select', {}, ...values.map((v, i) => make('option', {value: i}, String(v))));
  select.addEventListener('change', () => changed(values[Number(select.value)]));
  let controls = parent.lastElementChild;
  if (!controls || !controls.classList.contains('controls')) parent.append(controls = make('div', {class: 'controls'}));
  controls.append(make('label', {}, label, select));
}

const distinct = (rows, key) => [...new Set(rows.map((r) => r[key]))];
const cellName = (r) => `${r.task} ${r.method} seed ${r.seed}`;
const titled = (run, title) => DATA.runs.length > 1 ? `${run.name}: ${title}` : title;

function answer(run, index) {
  const part = section('answer' + (index || ''), titled(run, 'Answer'));
  part.append(make('p', {class: 'asked'}, run.asked));
  for (const verdict of run.verdicts) {
    part.append(make('div', {class: 'verdict ' + verdict.kind}, make('strong', {}, verdict.text), make('p', {}, verdict.detail)));
  }
  part.append(make('ul', {class: 'cards'}, ...run.cards.map((c) => make('li', {}, make('span', {}, c.label), make('b', {}, c.value), make('span', {}, c.note)))));
  const best = unpack(run.best);
  if (best.length) part.append(make('h3', {}, 'The best method of each task'), tableOf(best));
  part.append(make('p', {class: 'note'}, run.signature));
}

function comparison(run, index) {
  const rows = unpack(run.comparisons).filter((r) => r.difference !== null).map((r) => ({...r, label: `${r.method} – ${r.reference}`}));
  const part = section('methods' + (index || ''), titled(run, 'Methods'), run.reading);
  if (rows.length) {
    new Figure(part, 'Differences of the average',
      'Each line is one comparison that the spec names, with its 95 % interval; right of zero the first method is better. The verdict is by Holm’s correction over all of them.',
      (t) => charts.forest(rows, t), () => unpack(run.comparisons));
  }
  part.append(make('h3', {}, 'Means'), tableOf(unpack(run.table), (r) => r.method === run.baseline));
  const pairs = unpack(run.pairs);
  if (pairs.length) {
    const values = pairs.map((r) => r.mean).filter((v) => v !== null);
    const middle = (Math.min(...values) + Math.max(...values)) / 2;
    new Figure(part, 'Acquisition outside and inside', 'The paper’s ablation: mean over tasks and seeds, report split, x 100.',
      (t) => charts.pairs(pairs.map((r) => ({...r, bright: r.mean > middle})), t), () => pairs);
  }
  const scores = unpack(run.scores), means = unpack(run.means);
  let task = run.tasks[0];
  const of = (list) => list.filter((r) => r.task === task);
  let figure;
  part.append(make('h3', {}, 'Task by task'));
  menu(part, 'Task', run.tasks, (t) => { task = t; figure.again(); });
  figure = new Figure(part, 'Methods on a task', 'Every dot is one seed, the tick their mean. Shown without verdicts: one task’s few seeds decide little.',
    (t) => charts.task(of(means), of(scores), t), () => of(scores));
}

function budget(run, index) {
  const all = unpack(run.progress);
  if (!all.length) return;
  const part = section('budget' + (index || ''), titled(run, 'Budget'), 'What each method had reached by the time it had spent that much. A run that several methods share is charged to each of them.');
  let axis = 'examples', figure;
  menu(part, 'Against', ['examples', 'flops', 'seconds'], (a) => { axis = a; figure.again(); });
  figure = new Figure(part, 'Best so far', 'Report score of the trial that selection would choose, mean over tasks and seeds. Click a method in the legend to single it out.',
    (t) => charts.progress(all, t, run.methods, axis), () => all);
}

function search(run, index) {
  const trials = unpack(run.trials);
  const variables = run.variables.map((v, i) => ({...v, field: 'x' + i}));
  const searched = trials.filter((r) => variables.length && r.x0 !== null);
  if (!searched.length || variables.length < 1) return;
  const part = section('search' + (index || ''), titled(run, 'Search'), 'Where the outer loop looked. Diamonds were proposed by the model, circles are the start design; the largest is the one that was chosen.');
  const state = {task: searched[0].task, method: distinct(searched, 'method').at(-1), shown: 'mean'};
  let figure;
  const change = (key) => (value) => { state[key] = value; figure.again(); };
  const methods = distinct(searched, 'method');
  menu(part, 'Task', run.tasks, change('task'));
  menu(part, 'Method', [state.method, ...methods.filter((m) => m !== state.method)], change('method'));
  if (run.surfaces.length) menu(part, 'Colour', ['mean', 'sd'], change('shown'));
  const rows = () => searched.filter((r) => r.task === state.task && r.method === state.method);
  const surface = () => run.surfaces.find((s) => s.task === state.task && s.method === state.method);
  figure = new Figure(part, 'Trials over the hyperparameters', 'Over the two that matter most to the model; the colour is its belief for seed ' + (run.surfaces[0] ? run.surfaces[0].seed : '–') + ' after its last trial.',
    (t) => {
      const s = surface();
      const axes = s ? [variables[s.x], variables[s.y]] : [variables[0], variables[Math.min(1, variables.length - 1)]];
      return charts.search(rows(), s ? unpack(s.grid) : [], t, variables, axes, state.shown);
    }, rows);
}

function fusion(run, index) {
  const premise = unpack(run.premise), inner = unpack(run.inner), alphas = unpack(run.alphas).map((r) => ({...r, cell: cellName(r)}));
  if (!premise.length && !inner.length && !alphas.length) return;
  const part = section('fusion' + (index || ''), titled(run, 'Fusion'), 'The inner loop mixes a run’s snapshots for the lowest training loss. Whether that makes a better model is the first chart’s question.');
  let task = run.tasks[0];
  const own = [];
  const of = (list) => list.filter((r) => r.task === task);
  menu(part, 'Task', run.tasks, (t) => { task = t; own.forEach((f) => f.again()); });
  const methods = run.methods;
  if (premise.length) own.push(new Figure(part, 'Training loss against selection score', 'Every trial’s fused model. Were the premise true, points would fall from left to right.', (t) => charts.premise(of(premise), t, methods), () => of(premise)));
  if (inner.length) own.push(new Figure(part, 'The inner loop of the chosen trials', 'Loss of each fusion that was tried; bold where it was the lowest so far.', (t) => charts.inner(of(inner).map((r) => ({...r, cell: cellName(r)})), t, methods), () => of(inner)));
  if (alphas.length) own.push(new Figure(part, 'Chosen fusion weights', 'How much of each snapshot is in the chosen model.', (t) => charts.alphas(of(alphas), t), () => of(alphas)));
}

function training(run, index) {
  const curves = unpack(run.curves).map((r) => ({...r, cell: cellName(r)}));
  const failures = unpack(run.failures);
  const part = section('training' + (index || ''), titled(run, 'Training'));
  if (curves.length) {
    let task = run.tasks[0], field = 'loss', figure;
    menu(part, 'Task', run.tasks, (t) => { task = t; figure.again(); });
    menu(part, 'Show', ['loss', 'grad_norm', 'learning_rate'], (f) => { field = f; figure.again(); });
    const rows = () => curves.filter((r) => r.task === task);
    figure = new Figure(part, 'Learning curves of the chosen runs', 'A line for each seed.', (t) => charts.curves(rows(), t, run.methods, field), rows);
  }
  part.append(make('h3', {}, 'Runs that diverged, collapsed or failed'), failures.length ? tableOf(failures) : make('p', {class: 'note'}, 'None.'));
}

function provenance(run, index) {
  const part = section('provenance' + (index || ''), titled(run, 'Provenance'));
  part.append(make('dl', {}, ...run.provenance.flatMap(([k, v]) => [make('dt', {}, k), make('dd', {}, v)])));
  part.append(make('h3', {}, 'To repeat'), make('pre', {tabindex: '0'}, run.commands.join('\n')));
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
  addEventListener('beforeprint', () => figures.forEach((f) => f.show()));
}

// For those who drive the page from outside: draws everything, and answers when it is done.
window.drawAll = () => Promise.all(figures.map((f) => f.show()));
build();
