'use strict';
// One function a chart: rows of the page's data in, a Vega-Lite specification out. Nothing here
// reads the document; sizes, colours and fonts come from `theme` (page.js).

// Okabe and Ito (2008): told apart with any colour vision; beyond eight, methods differ in dash and
// shape as well.
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#8c8c00', '#7f7f7f'];
const DASHES = [[1, 0], [5, 3], [2, 2], [8, 3, 2, 3]];
const SHAPES = ['circle', 'square', 'triangle-up', 'diamond', 'cross', 'triangle-down'];

// The same method looks the same in every chart of the page; the legend names those of `rows`.
function methodScales(methods, rows, narrow) {
  const present = new Set(rows.map((r) => r.method));
  const places = methods.map((_, i) => i).filter((i) => present.has(methods[i]));
  const channel = (list, every) => ({field: 'method', type: 'nominal', title: null,
    scale: {domain: places.map((i) => methods[i]), range: places.map((i) => list[Math.floor(i / every) % list.length])},
    legend: {orient: 'bottom', columns: narrow ? 2 : 5, symbolLimit: 0, symbolOpacity: 1}});
  return {color: channel(COLOURS, 1), dash: channel(DASHES, COLOURS.length), shape: channel(SHAPES, COLOURS.length)};
}

const points = (title) => ({type: 'quantitative', title, scale: {zero: false}});
const number = (field, title, format = '.2f') => ({field, title, format, type: 'quantitative'});
const text = (field, title = field) => ({field, title, type: 'nominal'});
const CELL = [text('task'), text('method'), {field: 'seed', type: 'nominal', title: 'seed'}];
// As wide as the window; a line of `step` pixels for each of the rows' distinct values of `field`. (A
// height in steps would make Vega-Lite give up the fit to the width.)
const WIDE = {width: 'container', autosize: {type: 'fit-x', contains: 'padding'}};
const lines = (rows, field, step) => Math.max(1, new Set(rows.map((r) => r[field])).size) * step;

const charts = {
  // Differences with their intervals, one line each: right of zero is better.
  forest(rows, theme) {
    const labels = theme.narrow ? {labelLimit: 150, labelExpr: "split(datum.label, ' – ')"} : {labelLimit: 320};
    return {...WIDE, data: {values: rows}, height: lines(rows, 'label', theme.narrow ? 36 : 24),
      encoding: {y: {field: 'label', type: 'nominal', sort: null, title: null, axis: labels}},
      layer: [
        {mark: {type: 'rule', color: theme.soft, strokeDash: [4, 3]}, encoding: {x: {datum: 0}, y: null}},
        {data: {values: rows.filter((r) => r.low !== null)}, mark: {type: 'rule', strokeWidth: 2.5},
         encoding: {x: {field: 'low', ...points('difference, points')}, x2: {field: 'high'}, color: verdictColour(theme)}},
        {mark: {type: 'point', filled: true, size: 80, opacity: 1},
         encoding: {
           x: {field: 'difference', ...points('difference, points')}, color: verdictColour(theme),
           shape: {field: 'verdict', type: 'nominal', legend: null,
                   scale: {domain: ['better', 'worse', 'equal', 'undecided'], range: ['triangle-right', 'triangle-left', 'square', 'circle']}},
           tooltip: [text('label', 'comparison'), number('difference', 'difference'), number('low', '95 % from'),
                     number('high', 'to'), number('p', 'p', '.3f'), number('holm', 'p, Holm', '.3f'), text('verdict'), text('primary', 'kind')]}},
      ]};
  },

  // Mean scores of one acquisition outside, another inside.
  pairs(rows, theme) {
    const size = theme.narrow ? 70 : 96;
    const encoding = {x: {field: 'inner', type: 'nominal', title: 'inside: fusion weights', axis: {labelAngle: 0}},
                      y: {field: 'outer', type: 'nominal', title: 'outside: hyperparameters'}};
    return {data: {values: rows}, width: {step: size}, height: {step: size * 0.6}, encoding,
      layer: [
        {mark: 'rect', encoding: {
           color: {field: 'mean', type: 'quantitative', title: 'mean', scale: {scheme: 'cividis', zero: false}, legend: {format: '.2f'}},
           tooltip: [text('outer'), text('inner'), number('mean', 'mean'), number('sd', 'sd over seeds'), number('difference', 'to the baseline')]}},
        {mark: {type: 'text', fontSize: 14, fontWeight: 600},
         encoding: {text: {field: 'mean', format: '.2f'},
                    color: {condition: {test: 'datum.bright', value: '#000'}, value: '#fff'}}},
      ]};
  },

  // What each method gains over the baseline on each task.
  gains(rows, theme) {
    const largest = Math.max(...rows.map((r) => Math.abs(r.gain)), 1e-9);
    return {...WIDE, data: {values: rows}, height: lines(rows, 'method', theme.narrow ? 26 : 30),
      encoding: {x: {field: 'task', type: 'nominal', sort: null, title: null, axis: {orient: 'top', labelAngle: theme.narrow ? -60 : 0}},
                 y: {field: 'method', type: 'nominal', sort: null, title: null, axis: {labelLimit: theme.narrow ? 110 : 260}}},
      layer: [
        {mark: 'rect', encoding: {
           color: {field: 'gain', type: 'quantitative', title: 'points', scale: {scheme: 'blueorange', reverse: true, domain: [-largest, largest]}, legend: null},
           tooltip: [text('method'), text('task'), number('gain', 'points', '+.2f'), number('mean', 'mean'), number('baseline', 'baseline')]}},
        {mark: {type: 'text', fontSize: theme.narrow ? 9 : 12},
         encoding: {text: {field: 'gain', format: '+.1f'}, color: {condition: {test: `abs(datum.gain) > ${0.6 * largest}`, value: '#fff'}, value: '#000'}}},
      ]};
  },

  // The chosen trial's report score as the budget is spent; mean over tasks and seeds.
  progress(rows, theme, methods, axis) {
    const look = methodScales(methods, rows, theme.narrow);
    const titles = {examples: 'training and evaluation examples per cell', flops: 'FLOPs per cell', seconds: 'seconds per cell, as trained here'};
    const x = {field: axis, type: 'quantitative', title: titles[axis], axis: {format: '~s', tickCount: theme.narrow ? 4 : 8}};
    return {...WIDE, data: {values: rows}, height: 320,
      layer: [
        {params: [{name: 'shown', select: {type: 'point', fields: ['method']}, bind: 'legend'}],
         mark: {type: 'line', interpolate: 'step-after', strokeWidth: 2},
         encoding: {x, y: {field: 'score', ...points('report score x 100 of the best so far')}, color: look.color, strokeDash: look.dash,
                    opacity: {condition: {param: 'shown', value: 1}, value: 0.12}}},
        {mark: {type: 'point', filled: true, size: 40},
         encoding: {x, y: {field: 'score', type: 'quantitative'}, color: look.color, shape: look.shape,
                    opacity: {condition: {param: 'shown', value: 1}, value: 0.05},
                    tooltip: [text('method'), number('trial', 'trial', 'd'), number('score', 'score'), number(axis, axis, '.3s')]}},
      ]};
  },

  // One task's methods: the mean, and every seed as a dot.
  task(means, scores, theme) {
    const y = {field: 'method', type: 'nominal', sort: null, title: null, axis: {labelLimit: theme.narrow ? 130 : 260}};
    return {...WIDE, height: lines(means, 'method', 22),
      layer: [
        {data: {values: scores}, mark: {type: 'point', filled: true, size: 42, opacity: 0.55, color: theme.soft},
         encoding: {y, x: {field: 'report', ...points('report score x 100')},
                    tooltip: [text('method'), number('seed', 'seed', 'd'), number('report', 'report'), number('selection', 'selection')]}},
        {data: {values: means}, mark: {type: 'tick', thickness: 3, size: 18, color: theme.accent},
         encoding: {y, x: {field: 'mean', type: 'quantitative'},
                    tooltip: [text('method'), number('mean', 'mean'), number('sd', 'sd over seeds'), number('n', 'seeds', 'd')]}},
      ]};
  },

  // Shares of the main effects.
  importance(rows, theme) {
    return {...WIDE, data: {values: rows}, height: lines(rows, 'variable', 26),
      mark: {type: 'bar', color: theme.accent, height: 14},
      encoding: {y: {field: 'variable', type: 'nominal', sort: null, title: null},
                 x: {field: 'share', type: 'quantitative', title: 'share of the main effects', scale: {domain: [0, 1]}, axis: {format: '.0%', tickCount: 5}},
                 tooltip: [text('variable'), number('share', 'share', '.1%'), number('cells', 'cells', 'd')]}};
  },

  // Trials over one or two hyperparameters, upon what the model believes of the score there.
  search(rows, surface, theme, variables, [x, y], shown) {
    const range = (v) => ({nice: false, ...(v.scale === 'log' ? {} : {zero: false}), ...(v.edges ? {domain: [v.edges[0], v.edges.at(-1)]} : {})});
    const channel = (v, field) => v.values ? {field, type: 'ordinal', title: v.name, sort: v.values, scale: {domain: v.values}}
                                           : {field, type: 'quantitative', title: v.name, scale: {type: v.scale, ...range(v)}, axis: {format: '~g', tickCount: 5}};
    const end = (v, channel, field) => v.values ? {} : {[channel]: {field}};
    const score = {type: 'quantitative', title: 'selection score x 100', scale: {zero: false}};
    const layers = [];
    if (surface.length && y) {
      layers.push({data: {values: surface}, mark: {type: 'rect', clip: true},
        encoding: {x: channel(x, 'left'), ...end(x, 'x2', 'right'), y: channel(y, 'bottom'), ...end(y, 'y2', 'top'),
                   color: {field: shown, type: 'quantitative', title: shown === 'mean' ? 'predicted score' : 'standard deviation', scale: {scheme: 'cividis', zero: false},
                           legend: {orient: theme.narrow ? 'top' : 'right', gradientLength: 140, format: '.3~g'}},
                   tooltip: [number('mean', 'predicted score', '.2f'), number('uncertainty', 'standard deviation', '.2f')]}});
    } else if (surface.length) {
      layers.push({data: {values: surface}, mark: {type: x.values ? 'rule' : 'area', opacity: 0.2, color: theme.accent},
                   encoding: {x: channel(x, 'left'), y: {field: 'low', ...score}, y2: {field: 'high'}}},
                  {data: {values: surface}, mark: {type: x.values ? 'tick' : 'line', color: theme.accent},
                   encoding: {x: channel(x, 'left'), y: {field: 'mean', ...score}}});
    }
    const kinds = {domain: ['start', 'model', 'no result']};
    layers.push({data: {values: rows}, mark: {type: 'point', filled: true, stroke: '#000', strokeWidth: 1.2, opacity: 1},
      encoding: {x: channel(x, x.field), y: y ? channel(y, y.field) : {field: 'selection', ...score},
                 shape: {field: 'proposed', type: 'nominal', title: null, scale: {...kinds, range: ['circle', 'diamond', 'cross']}, legend: {orient: 'bottom'}},
                 fill: {field: 'proposed', type: 'nominal', title: null, scale: {...kinds, range: ['#ffffff', '#d55e00', '#7f7f7f']}, legend: {orient: 'bottom'}},
                 size: {condition: {test: 'datum.chosen', value: 280}, value: 90},
                 tooltip: [...CELL, number('trial', 'trial', 'd'), ...variables.map((v) => text(v.field, v.name)),
                           number('selection', 'selection score'), number('report', 'report score'), text('source', 'chosen by'), text('status')]}});
    return {...WIDE, height: 340, layer: layers};
  },

  // The premise of the inner loop: is a lower training loss a better model?
  premise(rows, theme, methods) {
    return lossAgainstScore(rows, theme, methods, {size: 45, of: 'the fused model', place: number('trial', 'trial', 'd')});
  },

  // The same for the mixes of one run each.
  mixes(rows, theme, methods) {
    return lossAgainstScore(rows, theme, methods, {size: 36, of: 'the mix', place: number('evaluation', 'evaluation', 'd')});
  },

  // How far from equal ones the weights are, trial by trial.
  distances(rows, theme) {
    return {...WIDE, data: {values: rows}, height: lines(rows, 'method', 22),
      mark: {type: 'tick', thickness: 2, size: 16},
      encoding: {y: {field: 'method', type: 'nominal', sort: null, title: null, axis: {labelLimit: theme.narrow ? 130 : 260}},
                 x: {field: 'distance', type: 'quantitative', title: 'distance from equal weights', scale: {domain: [0, 1]}},
                 color: {condition: {test: 'datum.chosen', value: theme.ink}, value: theme.soft}, opacity: {condition: {test: 'datum.chosen', value: 1}, value: 0.35},
                 tooltip: [...CELL, number('trial', 'trial', 'd'), number('distance', 'distance', '.3f'), number('loss', 'training loss', '.4f')]}};
  },

  // Weights of the snapshots in the chosen fusions.
  alphas(rows, theme) {
    return {...WIDE, data: {values: rows}, height: lines(rows, 'cell', 20),
      mark: 'rect',
      encoding: {x: {field: 'snapshot', type: 'ordinal', title: 'snapshot, first to last', axis: {labelAngle: 0}},
                 y: {field: 'cell', type: 'nominal', sort: null, title: null, axis: {labelLimit: theme.narrow ? 130 : 280}},
                 color: {field: 'weight', type: 'quantitative', title: 'weight', scale: {scheme: 'cividis', domain: [0, 1]}, legend: {orient: theme.narrow ? 'top' : 'right'}},
                 tooltip: [text('cell'), number('snapshot', 'snapshot', 'd'), number('weight', 'weight', '.3f')]}};
  },

  // The inner loop's evaluations: how the loss fell, and how far from the plain mean it went.
  inner(rows, theme, methods) {
    const look = methodScales(methods, rows, theme.narrow);
    return {...WIDE, data: {values: rows}, height: 260,
      layer: [
        {mark: {type: 'line', strokeWidth: 1, opacity: 0.5}, encoding: {x: {field: 'evaluation', type: 'quantitative', title: 'inner evaluation', axis: {tickMinStep: 1, format: 'd'}},
          y: {field: 'loss', ...points('training loss')}, color: look.color, detail: {field: 'cell'}}},
        {mark: {type: 'point', filled: true, size: 36},
         encoding: {x: {field: 'evaluation', type: 'quantitative'}, y: {field: 'loss', type: 'quantitative'}, color: look.color,
                    opacity: {condition: {test: 'datum.incumbent', value: 1}, value: 0.35},
                    tooltip: [...CELL, number('evaluation', 'evaluation', 'd'), number('loss', 'loss', '.5f'),
                              number('distance', 'distance from the mean', '.3f'), text('source', 'chosen by')]}},
      ]};
  },

  // Mixes that lie on the segment from the last snapshot to the plain mean.
  segment(rows, theme, methods) {
    const look = methodScales(methods, rows, theme.narrow);
    return {...WIDE, data: {values: rows}, height: 240,
      encoding: {x: {field: 'segment', type: 'quantitative', title: 'from the last snapshot (0) to the mean of all (1)'},
                 y: {field: 'loss', ...points('training loss')}, color: look.color, detail: {field: 'cell'}},
      layer: [{mark: {type: 'line', strokeWidth: 1.5}},
              {mark: {type: 'point', filled: true, size: 40},
               encoding: {tooltip: [...CELL, number('segment', 'place', '.3f'), number('loss', 'loss', '.5f')]}}]};
  },

  // Learning curves of the chosen runs.
  curves(rows, theme, methods, shown) {
    const look = methodScales(methods, rows, theme.narrow);
    const titles = {loss: 'training loss', grad_norm: 'gradient norm before clipping', learning_rate: 'learning rate'};
    return {...WIDE, data: {values: rows}, height: 280,
      params: [{name: 'shown', select: {type: 'point', fields: ['method']}, bind: 'legend'}],
      mark: {type: 'line', strokeWidth: 1.3},
      encoding: {x: {field: 'step', type: 'quantitative', title: 'optimiser step'}, y: {field: shown, ...points(titles[shown])},
                 color: look.color, strokeDash: look.dash, detail: {field: 'cell'},
                 opacity: {condition: {param: 'shown', value: 0.85}, value: 0.08},
                 tooltip: [...CELL, number('step', 'step', 'd'), number(shown, titles[shown], '.4~g')]}};
  },

  // Several experiments: the averages of the methods that they share.
  beside(rows, theme, names) {
    return {...WIDE, data: {values: rows}, height: lines(rows, 'method', 26),
      mark: {type: 'point', filled: true, size: 80, opacity: 1},
      encoding: {x: {field: 'mean', ...points('average of the tasks, x 100')},
                 y: {field: 'method', type: 'nominal', sort: null, title: null, axis: {labelLimit: theme.narrow ? 130 : 260}},
                 color: {field: 'run', type: 'nominal', title: null, scale: {domain: names, range: COLOURS}, legend: {orient: 'bottom', columns: 2, labelLimit: 300}},
                 shape: {field: 'run', type: 'nominal', title: null, scale: {domain: names, range: SHAPES}},
                 tooltip: [text('run', 'experiment'), text('method'), number('mean', 'mean'), number('sd', 'sd over seeds')]}};
  },
};

// A point for each of `rows`, which are losses and scores `of` something; `place` tells them apart.
function lossAgainstScore(rows, theme, methods, {size, of, place}) {
  const look = methodScales(methods, rows, theme.narrow);
  return {...WIDE, data: {values: rows}, height: 300,
    mark: {type: 'point', filled: true, size, opacity: 0.75},
    encoding: {x: {field: 'loss', ...points(`training loss of ${of}, on the fusion rows`)},
               y: {field: 'selection', ...points('selection score x 100')}, color: look.color, shape: look.shape,
               tooltip: [...CELL, place, number('loss', 'loss', '.4f'), number('selection', 'selection score')]}};
}

function verdictColour(theme) {
  return {field: 'verdict', type: 'nominal', title: null, legend: null,
          scale: {domain: ['better', 'worse', 'equal', 'undecided'], range: [theme.better, theme.worse, theme.accent, theme.soft]}};
}
