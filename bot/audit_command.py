"""`bot audit`: what is wrong with the tests of a project, and whether they may be believed."""
