"""The services that clients ask for, each a class with the operations of one of OMERO's interfaces."""
