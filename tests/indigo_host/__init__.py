"""A small Indigo: the server in the test's process, the plugin in a real process of its own.

    desktop     the plugin's dialogs (`dialogs`), opened on a server as its owner does
    quirks      where the platform is undocumented: what tests run both ways
    values      indigo.Dict and indigo.List, which are no dict and no list
    records     devices, triggers, variables, action groups and log lines as the server keeps them
    bundle      what a bundle's Info.plist and XML files say
    database    the records, kept in the installation folder over a restart
    server      IndigoServer: the plugin's life and what a test asks of it; start reading there
    house       what users create and change, the Event Log, waiting for what happens
    pipe        the server's end of the plugin process: start, calls, results, kill
    desk        what the plugin asks of the server
    web         the web server's rules for /message/<plugin id>/<action id>/...
    process     the plugin process: paths, threads, order of life
    host        its callback thread, its concurrent thread, what it asks of the server
    module, base, objects, utils: the `indigo` module that the plugin sees

Only `values`, `records`, `wire`, `quirks` and `substitution` are seen by both sides.
"""
