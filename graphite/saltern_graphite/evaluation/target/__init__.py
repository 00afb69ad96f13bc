"""The language of ``target=``: parsing it and printing it."""
