//! Linear least squares by Householder reflections (Golub and Van Loan, algorithm 5.2.1).

/// Minimises |A x - b|. `rows` holds the rows of `[A | b]`, `columns` is A's width, fewer than its rows.
///
/// Columns that depend on earlier ones get the coefficient 0.
pub(super) fn solve(rows: Vec<f64>, columns: usize) -> Vec<f64> {
    let width = columns + 1;
    let height = rows.len() / width;
    // One column after another: reflections then run over contiguous memory.
    let mut a: Vec<Vec<f64>> =
        (0..width).map(|c| (0..height).map(|r| rows[r * width + c]).collect()).collect();
    let mut diagonal = vec![0.0; columns];
    for k in 0..columns {
        let (left, right) = a.split_at_mut(k + 1);
        let pivot = &mut left[k][k..];
        let norm = pivot.iter().map(|v| v * v).sum::<f64>().sqrt();
        let size = pivot[0].abs();
        diagonal[k] = if pivot[0] > 0.0 { -norm } else { norm };
        if norm <= 1e-13 * diagonal[0].abs() {
            diagonal[k] = 0.0;
            continue;
        }
        // v = x - diagonal e1; v.v = 2 norm (norm + |x0|).
        pivot[0] -= diagonal[k];
        let half = norm * (norm + size);
        for column in right {
            let column = &mut column[k..];
            let factor = pivot.iter().zip(column.iter()).map(|(v, c)| v * c).sum::<f64>() / half;
            column.iter_mut().zip(pivot.iter()).for_each(|(c, v)| *c -= factor * v);
        }
    }
    let mut x = vec![0.0; columns];
    for k in (0..columns).rev() {
        let rest: f64 = (k + 1..columns).map(|j| a[j][k] * x[j]).sum();
        x[k] = if diagonal[k] == 0.0 { 0.0 } else { (a[columns][k] - rest) / diagonal[k] };
    }
    x
}
