"""A model in the browser alone: a static page that runs its graph, without a server and without a network."""
