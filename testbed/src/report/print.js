
const charts = () => [...document.querySelectorAll('.js-plotly-plot')];
// A legend that wraps anew gets its room at the second drawing.
const draw = (chart, size) => { Plotly.relayout(chart, size); Plotly.relayout(chart, size); };
addEventListener('beforeprint', () => charts().forEach(chart => {
  chart.dataset.height = chart.layout.height;
  draw(chart, {width: 680, height: Math.round(.85 * chart.layout.height)});
}));
addEventListener('afterprint', () => charts().forEach(chart => {
  draw(chart, {width: null, height: Number(chart.dataset.height), autosize: true});
}));
