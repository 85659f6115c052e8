"""Pages that explain builds: one self-contained HTML file each, which opens offline and executes nothing that comes from data.

Here is what every page shares: ``page`` (frame, style, security policy), ``charts`` (SVG), ``words`` (numbers and Markdown), and
``compare`` (several builds side by side). The report of one build is made in compile/report, the curves of a training run in train/.
To add a page: a template that extends ``base.html.jinja`` and a call of ``page.render``.
"""
