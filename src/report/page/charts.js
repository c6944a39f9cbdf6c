'use strict';
// One function a chart: rows of the page's data in, a Vega-Lite specification out. Nothing here
// reads the document; sizes, colours and fonts come from `theme` (page.js).

// Okabe and Ito (2008): told apart with any colour vision; beyond eight, methods differ in dash and
// shape as well.
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#8c8c00', '#7f7f7f'];
const DASHES = [[1, 0], [5, 3], [2, 2], [8, 3, 2, 3]];
const SHAPES = ['circle', 'square', 'triangle-up', 'diamond', 'cross', 'triangle-down'];

// The same method looks the same in every chart of the page.
function methodScales(methods, narrow) {
  const pick = (list, every) => methods.map((_, i) => list[Math.floor(i / every) % list.length]);
  const channel = (range) => ({field: 'method', type: 'nominal', title: null, scale: {domain: methods, range},
                               legend: {orient: 'bottom', columns: narrow ? 2 : 4, symbolLimit: 0}});
  return {color: channel(methods.map((_, i) => COLOURS[i % COLOURS.length])),
          dash: channel(pick(DASHES, COLOURS.length)), shape: channel(pick(SHAPES, COLOURS.length))};
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
    return {...WIDE, data: {values: rows}, height: lines(rows, 'label', 24),
      encoding: {y: {field: 'label', type: 'nominal', sort: null, title: null, axis: {labelLimit: theme.narrow ? 150 : 320}}},
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
                     number('high', 'to'), number('p', 'p', '.3f'), number('holm', 'p, Holm', '.3f'), text('verdict')]}},
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

  // The chosen trial's report score as the budget is spent; mean over tasks and seeds.
  progress(rows, theme, methods, axis) {
    const look = methodScales(methods, theme.narrow);
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

  // Trials over two hyperparameters, upon what the model believed of the score there.
  search(rows, surface, theme, variables, [x, y], shown) {
    const channel = (v, field) => ({field, type: v.values ? 'ordinal' : 'quantitative', title: v.name,
                                    ...(v.values ? {} : {scale: v.scale === 'log' ? {type: 'log', nice: false} : {zero: false, nice: false}})});
    const layers = [];
    if (surface.length) {
      layers.push({data: {values: surface}, mark: {type: 'rect', clip: true},
        encoding: {x: {...channel(x, 'left')}, x2: {field: 'right'}, y: {...channel(y, 'bottom')}, y2: {field: 'top'},
                   color: {field: shown, type: 'quantitative', title: shown === 'mean' ? 'predicted score' : 'its sd', scale: {scheme: 'cividis', zero: false},
                           legend: {orient: 'right', gradientLength: 140, format: '.3~g'}},
                   tooltip: [number('mean', 'predicted score', '.2f'), number('sd', 'standard deviation', '.2f')]}});
    }
    layers.push({data: {values: rows}, mark: {type: 'point', size: 90, filled: true, stroke: theme.ground, strokeWidth: 1, opacity: 1},
      encoding: {x: channel(x, x.field), y: channel(y, y.field),
                 shape: {field: 'proposed', type: 'nominal', title: null, scale: {domain: ['start', 'model', 'no result'], range: ['circle', 'diamond', 'cross']},
                         legend: {orient: 'bottom'}},
                 fill: {field: 'proposed', type: 'nominal', title: null, legend: null,
                        scale: {domain: ['start', 'model', 'no result'], range: ['#e69f00', '#d55e00', '#7f7f7f']}},
                 size: {condition: {test: 'datum.chosen', value: 260}, value: 90},
                 tooltip: [...CELL, number('trial', 'trial', 'd'), ...variables.map((v) => text(v.field, v.name)),
                           number('selection', 'selection score'), number('report', 'report score'), text('source', 'chosen by'), text('status')]}});
    return {...WIDE, height: 340, layer: layers, resolve: {scale: {fill: 'independent'}}};
  },

  // The premise of the inner loop: is a lower training loss a better model?
  premise(rows, theme, methods) {
    const look = methodScales(methods, theme.narrow);
    return {...WIDE, data: {values: rows}, height: 300,
      mark: {type: 'point', filled: true, size: 45, opacity: 0.75},
      encoding: {x: {field: 'loss', ...points('training loss of the fused model, on the fusion rows')},
                 y: {field: 'selection', ...points('selection score x 100')}, color: look.color, shape: look.shape,
                 tooltip: [...CELL, number('trial', 'trial', 'd'), number('loss', 'loss', '.4f'), number('selection', 'selection score')]}};
  },

  // Weights of the snapshots in the chosen fusions.
  alphas(rows, theme) {
    return {...WIDE, data: {values: rows}, height: lines(rows, 'cell', 20),
      mark: 'rect',
      encoding: {x: {field: 'snapshot', type: 'ordinal', title: 'snapshot, first to last', axis: {labelAngle: 0}},
                 y: {field: 'cell', type: 'nominal', sort: null, title: null, axis: {labelLimit: theme.narrow ? 130 : 280}},
                 color: {field: 'weight', type: 'quantitative', title: 'weight', scale: {scheme: 'cividis', domain: [0, 1]}},
                 tooltip: [text('cell'), number('snapshot', 'snapshot', 'd'), number('weight', 'weight', '.3f')]}};
  },

  // The inner loop's evaluations: how the loss fell, and how far from the plain mean it went.
  inner(rows, theme, methods) {
    const look = methodScales(methods, theme.narrow);
    return {...WIDE, data: {values: rows}, height: 260,
      layer: [
        {mark: {type: 'line', strokeWidth: 1, opacity: 0.5}, encoding: {x: {field: 'evaluation', type: 'quantitative', title: 'inner evaluation'},
          y: {field: 'loss', ...points('training loss')}, color: look.color, detail: {field: 'cell'}}},
        {mark: {type: 'point', filled: true, size: 36},
         encoding: {x: {field: 'evaluation', type: 'quantitative'}, y: {field: 'loss', type: 'quantitative'}, color: look.color,
                    opacity: {condition: {test: 'datum.incumbent', value: 1}, value: 0.35},
                    tooltip: [...CELL, number('evaluation', 'evaluation', 'd'), number('loss', 'loss', '.5f'),
                              number('distance', 'distance from the mean', '.3f'), text('source', 'chosen by')]}},
      ]};
  },

  // Learning curves of the chosen runs.
  curves(rows, theme, methods, shown) {
    const look = methodScales(methods, theme.narrow);
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

function verdictColour(theme) {
  return {field: 'verdict', type: 'nominal', title: null, legend: null,
          scale: {domain: ['better', 'worse', 'equal', 'undecided'], range: [theme.better, theme.worse, theme.accent, theme.soft]}};
}
