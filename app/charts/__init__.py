"""Result table -> Plotly figure: pure functions, one module a subject."""
