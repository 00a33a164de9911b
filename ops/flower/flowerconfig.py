"""Flower in docker-compose: what it shows, and that it only shows. The password comes in `FLOWER_BASIC_AUTH`."""  # noqa: INP001  # read by path

read_only = True
tasks_columns = "name,args,state,received,runtime,worker"
