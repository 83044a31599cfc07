// Where placeholders stand among the slots: each once, where the model gives it most (`onepass.runtime.placing`).

// A column for each row, all different, so that the sum of the gains is the largest.
export function assigned(gains) {
  const favourite = gains.map((row) => row.indexOf(Math.max(...row)));
  if (new Set(favourite).size === favourite.length) return favourite;
  const [rows, columns] = [gains.length, gains[0].length];
  const [rowPrice, price] = [new Array(rows).fill(0), new Array(columns + 1).fill(0)];
  const owner = new Array(columns + 1).fill(-1);
  for (let row = 0; row < rows; row++) {
    owner[columns] = row;
    let column = columns;
    const least = new Array(columns).fill(Infinity);
    const before = new Array(columns).fill(columns);
    const done = new Array(columns + 1).fill(false);
    while (owner[column] >= 0) {
      done[column] = true;
      const at = owner[column];
      for (let j = 0; j < columns; j++) {
        const cost = -gains[at][j] - rowPrice[at] - price[j];
        if (!done[j] && cost < least[j]) [least[j], before[j]] = [cost, column];
      }
      let following = -1;
      for (let j = 0; j < columns; j++) {
        if (!done[j] && (following < 0 || least[j] < least[following])) following = j;
      }
      const step = least[following];
      for (let j = 0; j <= columns; j++) {
        if (done[j]) {
          rowPrice[owner[j]] += step;
          price[j] -= step;
        } else if (j < columns) least[j] -= step;
      }
      column = following;
    }
    while (column !== columns) {
      owner[column] = owner[before[column]];
      column = before[column];
    }
  }
  const found = new Array(rows);
  owner.slice(0, -1).forEach((row, column) => { if (row >= 0) found[row] = column; });
  return found;
}

// Which placeholder each slot holds, -1 for none. `spanLogProbs`: a row for each placeholder.
export function placed(logProbs, spanLogProbs) {
  const columns = assigned(spanLogProbs.map((row) => row.map((one, slot) => one - logProbs[slot])));
  const wanted = logProbs.map((own, slot) => {
    const of = spanLogProbs.map((row) => row[slot]);
    const most = Math.max(...of);
    return most > own ? of.indexOf(most) : -1;
  });
  const held = logProbs.map(() => -1);
  columns.forEach((column, number) => { held[column] = number; });
  columns.forEach((column, number) => {
    for (const step of [-1, 1]) {
      for (let beside = column + step; held[beside] === -1 && wanted[beside] === number; beside += step) {
        held[beside] = number;
      }
    }
  });
  return held;
}
