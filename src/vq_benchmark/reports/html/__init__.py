"""The report: one HTML file from the rows of a results database, to look at offline and to send.

`page_data` makes the numbers of the page, `ranks` those across data sets, `answer` the sentence of a target, and
`writing` puts them into one file with `page.html`, `page.css` and the scripts. The scripts draw with plotly.js, which
the Python package plotly ships and which is inlined. It is large (4.8 MB), but it draws SVG, which tests can read and
printers keep sharp, has intervals, logarithmic axes and hover texts, is what readers in this field know, and needs no
server, build step or `eval`. Smaller libraries in well-kept Python packages draw on a canvas (bokeh) or only arrive
with a renderer of 30 MB (altair).
"""
